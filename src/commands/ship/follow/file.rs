//! One file that is followed: read in order, known by what it is, done when it was rotated away and everything of it is acknowledged.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::super::lines::{Assembler, Event};
use super::super::positions::{Head, Identity, Place, Position};

/// An event that may go on is complete when so long nothing has come.
const COMPLETE_AFTER: Duration = Duration::from_secs(1);
/// The last line of a file that was rotated away is complete when so long nothing has come.
const ROTATED_COMPLETE_AFTER: Duration = Duration::from_secs(5);
/// A file that was rotated away is closed when so long nothing has come: who writes it may not know yet that it has another name.
const ROTATED_FOR: Duration = Duration::from_secs(60);

pub struct FollowedFile {
    pub path: PathBuf,
    file: File,
    pub identity: Identity,
    pub mark: u64,
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
    pub rotated: bool,
    /// It was truncated: what is in it now is for another one to read.
    pub ended: bool,
    /// The last attempt to read it failed.
    pub failing: bool,
}

impl FollowedFile {
    pub fn new(path: &Path, file: File, mark: u64, assembler: Assembler) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity_of(&file.metadata()?),
            head: head_of(&file, Head::LENGTH).unwrap_or_default(),
            file,
            mark,
            given: VecDeque::new(),
            first_given: 0,
            acknowledged: assembler.position(),
            assembler,
            grew: Instant::now(),
            rotated: false,
            ended: false,
            failing: false,
        })
    }

    /// Whether the file still begins as it did, and has what was read of it.
    pub fn is_the_same(&self, length: u64) -> bool {
        length >= self.assembler.position()
            && head_of(&self.file, self.head.length) == Some(self.head)
    }

    /// Reads on; whether there was anything.
    pub fn read(
        &mut self,
        buffer: &mut [u8],
        complete: bool,
        events: &mut Vec<Event>,
    ) -> io::Result<bool> {
        if self.ended {
            self.assembler.finish(events);
            return Ok(!events.is_empty());
        }
        let position = self.assembler.position();
        let count = self.file.read_at(buffer, position)?;
        if count > 0 {
            let head = head_of(&self.file, self.head.length);
            // Truncated since the last look: what was read may be of what was written after that, which the next look finds out. It is
            // not if the file does not go so far any more.
            if head != Some(self.head) && self.file.metadata()?.len() >= position + count as u64 {
                return Ok(false);
            }
            self.grew = Instant::now();
            self.assembler.take(&buffer[..count], events);
            if self.head.length < Head::LENGTH && head == Some(self.head) {
                self.head = head_of(&self.file, Head::LENGTH).unwrap_or(self.head);
            }
            return Ok(true);
        }
        let quiet = self.grew.elapsed();
        if complete || self.rotated && quiet >= ROTATED_COMPLETE_AFTER {
            self.assembler.finish(events);
        } else if quiet >= COMPLETE_AFTER {
            self.assembler.flush(events);
        }
        Ok(!events.is_empty())
    }

    /// Takes note of an event that is given out, and where in the topic it is, if it is there already; its number.
    pub fn give(&mut self, end: u64, place: Option<Place>) -> u64 {
        let number = self.first_given + self.given.len() as u64;
        self.given.push_back((end, place));
        self.settle();
        number
    }

    /// An event is acknowledged, and where it is.
    pub fn acknowledge(&mut self, event: u64, place: Place) {
        let at = event.checked_sub(self.first_given);
        if let Some((_, known)) = at.and_then(|at| self.given.get_mut(at as usize)) {
            *known = Some(place);
        }
        self.settle();
    }

    /// Moves on over what is acknowledged.
    fn settle(&mut self) {
        while let Some((end, Some(_))) = self.given.front() {
            self.acknowledged = *end;
            self.given.pop_front();
            self.first_given += 1;
        }
    }

    /// How many events are not acknowledged yet, or wait for one that is not.
    pub fn on_their_way(&self) -> usize {
        self.given.len()
    }

    /// Where in the topic events are that the position does not know of.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.given.iter().filter_map(|(_, place)| *place)
    }

    /// Truncated, or rotated away and read to its end, and all of it acknowledged.
    pub fn is_over(&self) -> bool {
        let reads_no_more = self.ended || self.rotated && self.grew.elapsed() >= ROTATED_FOR;
        reads_no_more && self.is_settled()
    }

    /// Whether the position tells all: closed now and opened later, it goes on there.
    pub fn is_settled(&self) -> bool {
        self.given.is_empty() && self.assembler.is_empty()
    }

    /// When something was read of it last, or it was opened.
    pub fn grew(&self) -> Instant {
        self.grew
    }

    pub fn position(&self) -> Position {
        Position {
            path: self.path.clone(),
            identity: self.identity,
            mark: self.mark,
            head: self.head,
            offset: self.acknowledged,
        }
    }
}

impl Position {
    /// Whether a file that has its identity goes on from what was read, and is not a later one that was given the same inode.
    pub fn is_of(&self, file: &File) -> bool {
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        self.offset <= length && head_of(file, self.head.length) == Some(self.head)
    }

    /// What the file is called now, looked for in its folder; none if it is gone.
    pub fn named_now(&self) -> io::Result<Option<PathBuf>> {
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

pub fn identity_of(metadata: &fs::Metadata) -> Identity {
    Identity {
        device: metadata.dev(),
        inode: metadata.ino(),
    }
}

/// The first bytes, `length` at most; `None` if they cannot be read.
fn head_of(file: &File, length: usize) -> Option<Head> {
    let mut bytes = [0; Head::LENGTH];
    let bytes = &mut bytes[..length.min(Head::LENGTH)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(Head::of(&bytes[..filled]))
}
