//! Which documents of a bulk request are still to be sent, and in which portions.
//!
//! This is the whole state of a delivery, apart from all I/O: a stack of parts, each a list of
//! documents that goes out as one bulk. Every document lies in exactly one part until it is done,
//! and a document that is done never comes back.

use std::ops::Range;

/// What is left of one bulk request.
#[derive(Debug)]
pub struct Plan {
    /// The part to be sent next is the last.
    parts: Vec<Part>,
}

/// Documents that go out as one bulk, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Neighbours: their lines are one slice of the body.
    Run(Range<u32>),
    /// The failed ones among others: their lines have to be gathered.
    Picked(Box<[u32]>),
}

impl Part {
    /// Number of documents.
    pub fn len(&self) -> usize {
        match self {
            Part::Run(run) => run.len(),
            Part::Picked(picked) => picked.len(),
        }
    }

    /// The document at `position` of this part, as its index in the request.
    pub fn doc(&self, position: usize) -> usize {
        match self {
            Part::Run(run) => run.start as usize + position,
            Part::Picked(picked) => picked[position] as usize,
        }
    }

    /// The indices in the request of all its documents.
    pub fn docs(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).map(|position| self.doc(position))
    }
}

impl Plan {
    /// All of a request of `len` documents as one part.
    pub fn new(len: usize) -> Self {
        let parts = match len {
            0 => Vec::new(),
            _ => vec![Part::Run(0..len as u32)],
        };
        Self { parts }
    }

    /// The part to be sent next; `None` when every document is done.
    pub fn current(&self) -> Option<&Part> {
        self.parts.last()
    }

    /// Number of documents that are not done.
    #[cfg(test)]
    fn remaining(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// The current part is done but for those of its documents that `again` names by their
    /// positions, in order: they make up the new current part.
    pub fn done_except(&mut self, again: &[u32]) {
        let Some(part) = self.parts.pop() else { return };
        if again.is_empty() {
            return;
        }
        let docs: Box<[u32]> = again
            .iter()
            .map(|position| part.doc(*position as usize) as u32)
            .collect();
        let is_run = docs.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        self.parts.push(match docs[..] {
            [first, ..] if is_run => Part::Run(first..first + docs.len() as u32),
            _ => Part::Picked(docs),
        });
    }

    /// Sends the current part after all others.
    pub fn defer(&mut self) {
        if let Some(part) = self.parts.pop() {
            self.parts.insert(0, part);
        }
    }

    /// Splits the current part in two before `position`; the first half is sent next.
    pub fn split(&mut self, position: usize) {
        let Some(part) = self.parts.pop() else { return };
        let position = position.clamp(1, part.len().max(2) - 1);
        if part.len() < 2 {
            self.parts.push(part);
            return;
        }
        let (first, second) = match part {
            Part::Run(Range { start, end }) => {
                let middle = start + position as u32;
                (Part::Run(start..middle), Part::Run(middle..end))
            }
            Part::Picked(picked) => {
                let (first, second) = picked.split_at(position);
                (Part::Picked(first.into()), Part::Picked(second.into()))
            }
        };
        self.parts.push(second);
        self.parts.push(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_documents_are_sent_again_in_order_and_alone() {
        let mut plan = Plan::new(6);
        plan.done_except(&[1, 2, 4]);
        assert_eq!(
            plan.current().unwrap().docs().collect::<Vec<_>>(),
            [1, 2, 4]
        );
        plan.done_except(&[0, 2]);
        assert_eq!(plan.current(), Some(&Part::Picked([1, 4].into())));
        plan.done_except(&[1]);
        assert_eq!(plan.current(), Some(&Part::Run(4..5)));
        plan.done_except(&[]);
        assert_eq!(plan.current(), None);
    }

    #[test]
    fn halving_isolates_a_single_document() {
        let culprit = 11;
        let mut plan = Plan::new(16);
        let mut sent = 0;
        let mut isolated = Vec::new();
        while let Some(part) = plan.current() {
            sent += 1;
            if !part.docs().any(|doc| doc == culprit) {
                plan.done_except(&[]);
            } else if part.len() == 1 {
                isolated.push(part.doc(0));
                plan.done_except(&[]);
            } else {
                let middle = part.len() / 2;
                plan.split(middle);
            }
        }
        assert_eq!(isolated, [culprit]);
        assert_eq!(sent, 9, "four halvings, each with two parts, and the whole");
    }

    /// Any sequence of outcomes finishes each document exactly once, and in the request's order
    /// within each part.
    #[test]
    fn every_document_is_done_exactly_once_whatever_happens() {
        for seed in 0..2000 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let len = rng.usize(0..40);
            let mut plan = Plan::new(len);
            let mut done = vec![0; len];
            let mut steps = 0;
            while let Some(part) = plan.current().cloned() {
                steps += 1;
                let docs: Vec<usize> = part.docs().collect();
                assert!(docs.is_sorted() && !docs.is_empty());
                let open = done.iter().filter(|times| **times == 0).count();
                assert_eq!(plan.remaining(), open);
                if steps < 500 && rng.u8(..) < 30 {
                    plan.defer();
                    continue;
                }
                if part.len() > 1 && rng.u8(..) < 60 {
                    plan.split(rng.usize(0..=part.len()));
                    continue;
                }
                let again: Vec<u32> = (0..part.len() as u32)
                    .filter(|_| steps < 500 && rng.u8(..) < 100)
                    .collect();
                for (position, doc) in docs.iter().enumerate() {
                    if !again.contains(&(position as u32)) {
                        done[*doc] += 1;
                    }
                }
                plan.done_except(&again);
            }
            assert!(
                done.iter().all(|times| *times == 1),
                "seed {seed}: {done:?}"
            );
        }
    }

    #[test]
    fn a_single_document_cannot_be_split() {
        let mut plan = Plan::new(1);
        plan.split(1);
        assert_eq!(plan.current(), Some(&Part::Run(0..1)));
        assert_eq!(plan.remaining(), 1);
    }
}
