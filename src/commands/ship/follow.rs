//! Files that grow: found by name, known by what they are, read in order, through rotation and truncation.

mod file;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use tracing::{info, warn};

use super::lines::{Assembler, Event, Joining};
use super::positions::{Identity, Place, Position};
use file::{FollowedFile, identity_of};
use names::Names;
pub use names::NoPattern;

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;
/// No more files are open at a time: a process usually may have 1,024.
const MAX_OPEN: usize = 800;

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
    names: Names,
    reading: Reading,
    max_open: usize,
    /// Those that are open.
    files: BTreeMap<u64, FollowedFile>,
    next: u64,
    /// Those that are not: what was shipped before, until its file is found and can be read, and what did not grow when another was to
    /// be opened.
    resting: BTreeMap<Identity, Position>,
    is_first_look: bool,
    has_new: bool,
    /// Events that are in the topic without the positions knowing of them: by the mark of their file and the place behind them.
    delivered: BTreeMap<(u64, u64), Place>,
    /// The offset behind the last event of ours, for each partition.
    reached: BTreeMap<i32, i64>,
}

impl Followed {
    /// Follows what `patterns` name, going on where `saved` says.
    ///
    /// # Errors
    /// One of them is no pattern.
    pub fn new(
        patterns: &[String],
        reading: Reading,
        saved: Vec<Position>,
    ) -> Result<Self, NoPattern> {
        let saved = saved.into_iter();
        Ok(Self {
            names: Names::new(patterns)?,
            reading,
            max_open: MAX_OPEN,
            files: BTreeMap::new(),
            next: 0,
            resting: saved.map(|saved| (saved.identity, saved)).collect(),
            is_first_look: true,
            has_new: false,
            delivered: BTreeMap::new(),
            reached: BTreeMap::new(),
        })
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
        let began = Instant::now();
        let known = self.files.iter().filter(|(_, file)| !file.ended);
        let known: BTreeMap<Identity, u64> = known
            .map(|(number, file)| (file.identity, *number))
            .collect();
        let mut seen = BTreeSet::new();
        let mut there = BTreeSet::new();
        for path in self.names.paths() {
            let Ok(metadata) = fs::metadata(&path) else {
                continue; // it went away just now
            };
            if !metadata.is_file() {
                continue;
            }
            let identity = identity_of(&metadata);
            there.insert(identity);
            let open = known.get(&identity).copied();
            // It may have been closed for another one meanwhile.
            let open = open.filter(|number| self.files.contains_key(number));
            let number = match open {
                Some(number) if self.goes_on(number, metadata.len()) => Some(number),
                Some(_) => {
                    info!(path = %path.display(), "truncated: it is read from its start");
                    self.open(&path, Some(0), began)
                }
                None if self.has_nothing_new(&identity, &path, metadata.len()) => None,
                None => self.open(&path, None, began),
            };
            if let Some(number) = number {
                if let Some(file) = self.files.get_mut(&number) {
                    file.path = path;
                }
                seen.insert(number);
            }
        }
        self.find_rotated(&there, began);
        for (number, file) in &mut self.files {
            file.rotated = !seen.contains(number);
        }
        self.is_first_look = false;
    }

    /// Whether a file that is open can be read on. One that was truncated has given all that it will.
    fn goes_on(&mut self, number: u64, length: u64) -> bool {
        let Some(file) = self.files.get_mut(&number) else {
            return false;
        };
        file.ended |= !file.is_the_same(length);
        !file.ended
    }

    /// Whether a file that rests may go on resting.
    fn has_nothing_new(&mut self, identity: &Identity, path: &Path, length: u64) -> bool {
        if self.is_first_look {
            return false;
        }
        match self.resting.get_mut(identity) {
            Some(resting) if resting.offset == length => {
                if resting.path != path {
                    resting.path = path.to_owned();
                }
                true
            }
            _ => false,
        }
    }

    /// Opens a file, at `offset`, or where it was left, or where new ones begin.
    fn open(&mut self, path: &Path, offset: Option<u64>, began: Instant) -> Option<u64> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.names.complain(path, "it cannot be read", &error);
                return None;
            }
        };
        let saved = self.resting.remove(&identity_of(&metadata));
        let saved = saved.filter(|saved| saved.is_of(&file));
        let mark = saved.as_ref().map(|saved| saved.mark);
        let start = match (offset, saved) {
            (Some(offset), _) => offset,
            (None, Some(saved)) => saved.offset,
            (None, None) if self.is_first_look && self.reading.from_end => metadata.len(),
            (None, None) => 0,
        };
        let reading = &self.reading;
        let assembler = Assembler::new(reading.joining.clone(), reading.max_bytes, start);
        let new_mark = || fastrand::u64(..);
        let followed = FollowedFile::new(path, file, mark.unwrap_or_else(new_mark), assembler);
        let followed = match followed {
            Ok(followed) => followed,
            Err(error) => {
                self.names.complain(path, "it cannot be read", &error);
                return None;
            }
        };
        self.has_new |= mark.is_none();
        if self.files.len() >= self.max_open && !self.close_one(began) {
            // It has its turn when another is settled.
            let position = followed.position();
            self.resting.insert(position.identity, position);
            return None;
        }
        if self.is_first_look || mark.is_none() {
            info!(path = %path.display(), offset = start, "following");
        }
        let number = self.next;
        self.next += 1;
        self.files.insert(number, followed);
        Some(number)
    }

    /// Closes the file that has been quiet for longest, to open another; it rests. Not one that this look opened.
    fn close_one(&mut self, began: Instant) -> bool {
        let quiet = self.files.iter().filter(|(_, file)| {
            file.is_settled() && !file.rotated && !file.ended && file.grew() < began
        });
        let quietest = quiet.min_by_key(|(_, file)| file.grew());
        let Some(number) = quietest.map(|(number, _)| *number) else {
            return false;
        };
        if let Some(file) = self.files.remove(&number) {
            self.resting.insert(file.identity, file.position());
        }
        true
    }

    /// Files that were rotated while they were not open lie in the same folder under another name. The position of what cannot be
    /// read now is kept; that of what is gone is not. `there` is what the patterns name.
    fn find_rotated(&mut self, there: &BTreeSet<Identity>, began: Instant) {
        let missing = self.resting.keys().filter(|it| !there.contains(it));
        let missing: Vec<Identity> = missing.copied().collect();
        for identity in missing {
            let Some(resting) = self.resting.get(&identity) else {
                continue;
            };
            let path = resting.path.clone();
            match resting.named_now() {
                // It takes the position out if it can open the file.
                Ok(Some(path)) => {
                    self.open(&path, None, began);
                }
                Ok(None) => {
                    self.resting.remove(&identity);
                    info!(path = %path.display(), "it is gone since it was followed last");
                }
                Err(error) => {
                    let what = "it cannot be looked for, and its position is kept";
                    self.names.complain(&path, what, &error);
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
            match file.read(&mut buffer, complete, &mut events) {
                Ok(any) => {
                    was_any |= any;
                    file.failing = false;
                }
                Err(error) => {
                    if !std::mem::replace(&mut file.failing, true) {
                        warn!(path = %file.path.display(), %error, "it cannot be read; it is tried again");
                    }
                }
            }
            for event in events.drain(..) {
                let place = self.delivered.remove(&(file.mark, event.end));
                let ticket = Ticket {
                    file: *number,
                    event: file.give(event.end, place),
                };
                if place.is_none() {
                    let mark = file.mark;
                    send(&file.path, event, Origin { ticket, mark })?;
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
        if let Some(file) = self.files.get_mut(&ticket.file) {
            file.acknowledge(ticket.event, place);
        }
    }

    /// For each partition, the offset from which on there may be events of ours that the positions do not know of.
    pub fn ends(&self) -> BTreeMap<i32, i64> {
        let mut ends = self.reached.clone();
        let given = self.files.values().flat_map(FollowedFile::places);
        for (partition, offset) in given.chain(self.delivered.values().copied()) {
            let end = ends.entry(partition).or_insert(offset);
            *end = (*end).min(offset);
        }
        ends
    }

    /// Whether there are no events in the topic that the positions do not know of, and none on their way to it.
    pub fn is_settled(&self) -> bool {
        self.on_their_way() == 0 && self.delivered.is_empty()
    }

    /// What was found in the topic of a file that is gone, or read on beyond it, is of no use any more.
    fn forget_delivered(&mut self) {
        if self.delivered.is_empty() {
            return;
        }
        let files = self.files.values().map(FollowedFile::position);
        let all = files.chain(self.resting.values().cloned());
        let read: BTreeMap<u64, u64> = all.map(|file| (file.mark, file.offset)).collect();
        self.delivered
            .retain(|(mark, end), _| read.get(mark).is_some_and(|read| end > read));
    }

    /// Events that are not acknowledged yet.
    pub fn on_their_way(&self) -> usize {
        self.files.values().map(FollowedFile::on_their_way).sum()
    }

    /// How far everything is acknowledged.
    pub fn positions(&self) -> Vec<Position> {
        // What a truncated file had is nowhere any more.
        let files = self.files.values().filter(|file| !file.ended);
        let files = files.map(FollowedFile::position);
        files.chain(self.resting.values().cloned()).collect()
    }
}

#[cfg(test)]
mod tests;
