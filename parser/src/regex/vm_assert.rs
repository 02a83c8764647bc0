//! The part of the matcher that looks at a position: anchors, boundaries, single-class looks, back references.

use super::class::is_unicode_word;
use super::program::{Backref, Op};
use super::vm::{Machine, NONE};

impl<const MEMO: bool> Machine<'_, '_, MEMO> {
    /// Conditions on the position. Operations that `run` and `step` handle do not get here.
    #[inline(always)]
    pub(super) fn assertion(&self, op: Op, at: usize) -> Option<usize> {
        let bytes = self.bytes;
        let holds = match op {
            Op::LookClass {
                behind: false,
                negate,
                class,
            } => {
                self.program.classes[usize::from(class)]
                    .step(self.text, at)
                    .is_some()
                    != negate
            }
            Op::LookClass {
                behind: true,
                negate,
                class,
            } => {
                let class = &self.program.classes[usize::from(class)];
                self.before(at)
                    .is_some_and(|character| class.contains(character))
                    != negate
            }
            Op::LineStart => at == 0 || (bytes[at - 1] == b'\n' && at < bytes.len()),
            Op::LineEnd => at == bytes.len() || bytes[at] == b'\n',
            Op::TextStart => at == 0,
            Op::TextEnd => at == bytes.len(),
            Op::TextEndNewline => {
                at == bytes.len() || (at + 1 == bytes.len() && bytes[at] == b'\n')
            }
            Op::WordBoundary { negate } => {
                let before = self.before(at).is_some_and(is_unicode_word);
                let after = self.after(at).is_some_and(is_unicode_word);
                (before != after) != negate
            }
            Op::SearchStart => at == self.search_start,
            Op::StepBack(count) => return self.step_back(at, count),
            _ => false,
        };
        holds.then_some(at)
    }

    #[inline(always)]
    fn before(&self, at: usize) -> Option<char> {
        match self.bytes[..at].last() {
            Some(&byte) if byte < 0x80 => Some(char::from(byte)),
            _ => self.text[..at].chars().next_back(),
        }
    }

    #[inline(always)]
    fn after(&self, at: usize) -> Option<char> {
        match self.bytes.get(at) {
            Some(&byte) if byte < 0x80 => Some(char::from(byte)),
            _ => self.text[at..].chars().next(),
        }
    }

    fn step_back(&self, at: usize, count: u32) -> Option<usize> {
        match count {
            0 => Some(at),
            _ => self.text[..at]
                .char_indices()
                .rev()
                .nth(count as usize - 1)
                .map(|(position, _)| position),
        }
    }

    pub(super) fn backref(&mut self, backref: &Backref, at: usize) -> Option<usize> {
        let text = self.text;
        let rest = &text[at..];
        for &group in &backref.groups {
            let group = 2 * group as usize;
            let (begin, end) = (self.slots[group], self.slots[group + 1]);
            if begin == NONE || end == NONE {
                continue;
            }
            let Some(wanted) = text.get(begin as usize..end as usize) else {
                continue;
            };
            // What differs at once costs nothing, however long it is.
            if rest.as_bytes().first() == wanted.as_bytes().first() {
                self.owe_for(same_beginning(rest, wanted));
            }
            let found = match backref.ignore_case {
                true => without_case(rest, wanted),
                false => rest.starts_with(wanted).then_some(wanted.len()),
            };
            if let Some(length) = found {
                return Some(at + length);
            }
        }
        None
    }
}

/// How many bytes two texts have in common from their beginning, roughly: whole pieces are compared.
fn same_beginning(one: &str, other: &str) -> usize {
    const PIECE: usize = 256;
    let pairs = one
        .as_bytes()
        .chunks(PIECE)
        .zip(other.as_bytes().chunks(PIECE));
    PIECE * pairs.take_while(|(one, other)| one == other).count()
}

/// The length of the beginning of `text` that is `wanted` but for the case of letters.
fn without_case(text: &str, wanted: &str) -> Option<usize> {
    let mut here = text.chars();
    for wanted in wanted.chars() {
        let found = here.next()?;
        if found != wanted && !found.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(text.len() - here.as_str().len())
}
