//! Files that grow: found by name, known by what they are, read in order, through rotation and truncation.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::lines::{Assembler, Event, Joining};
use super::positions::{Head, Identity, Place, Position};

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;
/// No more files are followed at a time; each is kept open.
const MAX_FILES: usize = 1_000;
/// An event that may go on is complete when so long nothing has come.
const COMPLETE_AFTER: Duration = Duration::from_secs(1);
/// A file that was rotated away is complete when so long nothing has come.
const ROTATED_FOR: Duration = Duration::from_secs(5);

/// How files are read.
#[derive(Clone)]
pub struct Reading {
    /// Which lines belong together.
    pub joining: Joining,
    /// The most bytes of an event.
    pub max_bytes: usize,
    /// Whether files that are there at the start are read from their end.
    pub from_end: bool,
}

/// An event on its way: which file it is of, and which of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    file: u64,
    event: u64,
}

/// What an event is marked with on its way.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// To acknowledge it with.
    pub ticket: Ticket,
    /// The mark of its file.
    pub mark: u64,
}

/// All files that are followed.
pub struct Followed {
    patterns: Vec<String>,
    reading: Reading,
    files: BTreeMap<u64, FollowedFile>,
    next: u64,
    /// What was shipped before, until its file is found and can be read.
    saved: Vec<Position>,
    is_first_look: bool,
    has_warned: bool,
    has_new: bool,
    /// Events that are in the topic without the positions knowing of them: by the mark of their file and the place behind them.
    delivered: BTreeMap<(u64, u64), Place>,
    /// The offset behind the last event of ours, for each partition.
    reached: BTreeMap<i32, i64>,
}

struct FollowedFile {
    path: PathBuf,
    file: File,
    identity: Identity,
    mark: u64,
    head: Head,
    assembler: Assembler,
    /// The place behind each event that was given out, and where in the topic it is once it is acknowledged.
    given: VecDeque<(u64, Option<Place>)>,
    /// The number of the first of them.
    first_given: u64,
    /// Everything before is acknowledged.
    acknowledged: u64,
    grew: Instant,
    /// Its name is another's, or nobody's.
    rotated: bool,
}

impl Followed {
    /// Follows what `patterns` name, going on where `saved` says.
    pub fn new(patterns: &[String], reading: Reading, saved: Vec<Position>) -> Self {
        Self {
            patterns: patterns.to_vec(),
            reading,
            files: BTreeMap::new(),
            next: 0,
            saved,
            is_first_look: true,
            has_warned: false,
            has_new: false,
            delivered: BTreeMap::new(),
            reached: BTreeMap::new(),
        }
    }

    /// Takes what was found in the topic: how far its partitions go, and which events are in it that the positions do not know of.
    pub fn know(&mut self, reached: BTreeMap<i32, i64>, delivered: BTreeMap<(u64, u64), Place>) {
        self.reached = reached;
        self.delivered = delivered;
    }

    /// Whether there is a file that was not followed before the last time this was asked.
    pub fn has_new(&mut self) -> bool {
        std::mem::take(&mut self.has_new)
    }

    /// Looks which files there are now.
    pub fn look(&mut self) {
        let mut seen = BTreeSet::new();
        for path in self.paths() {
            let Ok(metadata) = fs::metadata(&path) else {
                continue; // it went away just now
            };
            if !metadata.is_file() {
                continue;
            }
            let identity = identity_of(&metadata);
            let known = self.files.iter();
            let known = known
                .filter(|(_, file)| file.identity == identity)
                .map(|(number, _)| *number)
                .next_back();
            let number = match known {
                Some(number) if self.is_the_same(number, metadata.len()) => Some(number),
                Some(number) => {
                    self.files.remove(&number);
                    info!(path = %path.display(), "truncated: it is read from its start");
                    self.open(&path, Some(0))
                }
                None => self.open(&path, None),
            };
            if let Some(number) = number {
                if let Some(file) = self.files.get_mut(&number) {
                    file.path = path;
                }
                seen.insert(number);
            }
        }
        if self.is_first_look {
            self.find_rotated();
        }
        for (number, file) in &mut self.files {
            file.rotated = !seen.contains(number);
        }
        self.is_first_look = false;
    }

    /// The files that the patterns name, each once.
    fn paths(&self) -> BTreeSet<PathBuf> {
        let mut paths = BTreeSet::new();
        for pattern in &self.patterns {
            // A name may hold what looks like a pattern.
            if Path::new(pattern).exists() {
                paths.insert(PathBuf::from(pattern));
            } else if let Ok(found) = glob::glob(pattern) {
                paths.extend(found.flatten().filter(|path| !is_packed(path)));
            }
        }
        paths
    }

    /// Whether a file still begins as it did, and has what was read of it.
    fn is_the_same(&self, number: u64, length: u64) -> bool {
        let Some(file) = self.files.get(&number) else {
            return false;
        };
        length >= file.assembler.position()
            && head_of(&file.file, file.head.length) == Some(file.head)
    }

    /// Opens a file, at `offset`, or where it was left, or where new ones begin.
    fn open(&mut self, path: &Path, offset: Option<u64>) -> Option<u64> {
        if self.files.len() >= MAX_FILES {
            if !self.has_warned {
                warn!(path = %path.display(), "more than {MAX_FILES} files: this one and others are not followed");
                self.has_warned = true;
            }
            return None;
        }
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                if self.is_first_look {
                    warn!(path = %path.display(), %error, "it cannot be read; it is tried again");
                }
                return None;
            }
        };
        let identity = identity_of(&metadata);
        let saved = self
            .saved
            .iter()
            .position(|saved| saved.identity == identity);
        let saved = saved.map(|at| self.saved.swap_remove(at));
        let saved = saved.filter(|saved| saved.is_of(&file));
        let mark = saved.as_ref().map(|saved| saved.mark);
        self.has_new |= mark.is_none();
        let start = match (offset, saved) {
            (Some(offset), _) => offset,
            (None, Some(saved)) => saved.offset,
            (None, None) if self.is_first_look && self.reading.from_end => metadata.len(),
            (None, None) => 0,
        };
        info!(path = %path.display(), offset = start, "following");
        let reading = &self.reading;
        let number = self.next;
        self.next += 1;
        let followed = FollowedFile {
            path: path.to_owned(),
            head: head_of(&file, Head::LENGTH).unwrap_or_default(),
            file,
            identity,
            mark: mark.unwrap_or_else(|| fastrand::u64(..)),
            assembler: Assembler::new(reading.joining.clone(), reading.max_bytes, start),
            given: VecDeque::new(),
            first_given: 0,
            acknowledged: start,
            grew: Instant::now(),
            rotated: false,
        };
        self.files.insert(number, followed);
        Some(number)
    }

    /// Files that were rotated while nobody followed them lie in the same folder under another name. The position of what cannot be
    /// read now is kept; that of what is gone is not.
    fn find_rotated(&mut self) {
        for saved in std::mem::take(&mut self.saved) {
            let found = match saved.named_now() {
                Ok(found) => found,
                Err(error) => {
                    warn!(path = %saved.path.display(), %error, "it cannot be looked for; its position is kept");
                    self.saved.push(saved);
                    continue;
                }
            };
            match found {
                Some(path) => {
                    // It takes the position out if it can open the file.
                    self.saved.push(saved);
                    self.open(&path, None);
                }
                None => {
                    info!(path = %saved.path.display(), "it is gone since it was followed last");
                }
            }
        }
    }

    /// Reads on in every file; gives each event to `send`, which may wait. Returns whether there was anything.
    ///
    /// # Errors
    /// Those of `send`; the event is read again after a restart.
    pub fn read<E>(
        &mut self,
        complete: bool,
        mut send: impl FnMut(&Path, Event, Origin) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut buffer = vec![0; CHUNK];
        let mut events = Vec::new();
        let mut was_any = false;
        for (number, file) in &mut self.files {
            let read = file.read(&mut buffer, complete, &mut events);
            match read {
                Ok(any) => was_any |= any,
                Err(error) => {
                    warn!(path = %file.path.display(), %error, "it cannot be read; it is tried again")
                }
            }
            for event in events.drain(..) {
                let ticket = Ticket {
                    file: *number,
                    event: file.first_given + file.given.len() as u64,
                };
                let place = self.delivered.remove(&(file.mark, event.end));
                file.given.push_back((event.end, place));
                let origin = Origin {
                    ticket,
                    mark: file.mark,
                };
                match place {
                    Some(_) => file.settle(),
                    None => send(&file.path, event, origin)?,
                }
            }
        }
        self.files.retain(|_, file| !file.is_over());
        self.forget_delivered();
        Ok(was_any)
    }

    /// An event is acknowledged, and where it is.
    pub fn acknowledge(&mut self, ticket: Ticket, place: Place) {
        let reached = self.reached.entry(place.0).or_default();
        *reached = (*reached).max(place.1 + 1);
        let Some(file) = self.files.get_mut(&ticket.file) else {
            return; // truncated meanwhile
        };
        let at = ticket.event.checked_sub(file.first_given);
        if let Some((_, known)) = at.and_then(|at| file.given.get_mut(at as usize)) {
            *known = Some(place);
        }
        file.settle();
    }

    /// For each partition, the offset from which on there may be events of ours that the positions do not know of.
    pub fn ends(&self) -> BTreeMap<i32, i64> {
        let mut ends = self.reached.clone();
        let given = self.files.values().flat_map(|file| &file.given);
        let given = given.filter_map(|(_, place)| *place);
        for (partition, offset) in given.chain(self.delivered.values().copied()) {
            let end = ends.entry(partition).or_insert(offset);
            *end = (*end).min(offset);
        }
        ends
    }

    /// What was found in the topic of a file that is gone, or read on beyond it, is of no use any more.
    fn forget_delivered(&mut self) {
        if self.delivered.is_empty() {
            return;
        }
        let files = self.files.values();
        let files = files.map(|file| (file.mark, file.acknowledged));
        let saved = self.saved.iter().map(|saved| (saved.mark, saved.offset));
        let read: BTreeMap<u64, u64> = files.chain(saved).collect();
        self.delivered
            .retain(|(mark, end), _| read.get(mark).is_some_and(|read| end > read));
    }

    /// Events that are not acknowledged yet.
    pub fn on_their_way(&self) -> usize {
        self.files.values().map(|file| file.given.len()).sum()
    }

    /// How far everything is acknowledged.
    pub fn positions(&self) -> Vec<Position> {
        let files = self.files.values().map(|file| Position {
            path: file.path.clone(),
            identity: file.identity,
            mark: file.mark,
            head: file.head,
            offset: file.acknowledged,
        });
        files.chain(self.saved.iter().cloned()).collect()
    }
}

impl Position {
    /// Whether a file that has its identity goes on from what was read, and is not a later one that was given the same inode.
    fn is_of(&self, file: &File) -> bool {
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        self.offset <= length && head_of(file, self.head.length) == Some(self.head)
    }

    /// What the file is called now, looked for in its folder; none if it is gone.
    fn named_now(&self) -> io::Result<Option<PathBuf>> {
        let folder = self.path.parent();
        let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
        let entries = match fs::read_dir(folder.unwrap_or(Path::new("."))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let is_it = entry
                .metadata()
                .is_ok_and(|metadata| identity_of(&metadata) == self.identity);
            if is_it {
                let file = File::open(entry.path())?;
                return Ok(self.is_of(&file).then(|| entry.path()));
            }
        }
        Ok(None)
    }
}

impl FollowedFile {
    fn read(
        &mut self,
        buffer: &mut [u8],
        complete: bool,
        events: &mut Vec<Event>,
    ) -> io::Result<bool> {
        let count = self.file.read_at(buffer, self.assembler.position())?;
        if count > 0 {
            let is_short = self.head.length < Head::LENGTH;
            if is_short && head_of(&self.file, self.head.length) != Some(self.head) {
                // Truncated and written to since: the next look finds out.
                return Ok(false);
            }
            self.grew = Instant::now();
            self.assembler.take(&buffer[..count], events);
            if is_short {
                self.head = head_of(&self.file, Head::LENGTH).unwrap_or(self.head);
            }
            return Ok(true);
        }
        let quiet = self.grew.elapsed();
        if complete || self.rotated && quiet >= ROTATED_FOR {
            self.assembler.finish(events);
        } else if quiet >= COMPLETE_AFTER {
            self.assembler.flush(events);
        }
        Ok(!events.is_empty())
    }

    /// Moves on over what is acknowledged.
    fn settle(&mut self) {
        while let Some((end, Some(_))) = self.given.front() {
            self.acknowledged = *end;
            self.given.pop_front();
            self.first_given += 1;
        }
    }

    /// Rotated away, read to its end, and all of it acknowledged.
    fn is_over(&self) -> bool {
        self.rotated
            && self.grew.elapsed() >= ROTATED_FOR
            && self.given.is_empty()
            && !self.assembler.holds()
    }
}

/// A rotated file that was compressed, which a pattern such as `app.log*` names too.
fn is_packed(path: &Path) -> bool {
    let end = path.extension().and_then(|end| end.to_str());
    end.is_some_and(|end| ["gz", "bz2", "xz", "zst", "zip"].contains(&end))
}

fn identity_of(metadata: &fs::Metadata) -> Identity {
    Identity {
        device: metadata.dev(),
        inode: metadata.ino(),
    }
}

/// The first bytes, `length` at most; `None` if they cannot be read.
fn head_of(file: &File, length: usize) -> Option<Head> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(Head::of(&bytes[..filled]))
}

#[cfg(test)]
mod tests;
