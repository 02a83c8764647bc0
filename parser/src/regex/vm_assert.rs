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

    pub(super) fn backref(&self, backref: &Backref, at: usize) -> Option<usize> {
        let rest = &self.text[at..];
        backref.groups.iter().find_map(|&group| {
            let (begin, end) = (
                self.slots[2 * group as usize],
                self.slots[2 * group as usize + 1],
            );
            if begin == NONE || end == NONE {
                return None;
            }
            let text = self.text.get(begin as usize..end as usize)?;
            if !backref.ignore_case {
                return rest.starts_with(text).then(|| at + text.len());
            }
            let mut here = rest.chars();
            for wanted in text.chars() {
                let found = here.next()?;
                if found != wanted && !found.to_lowercase().eq(wanted.to_lowercase()) {
                    return None;
                }
            }
            Some(self.text.len() - here.as_str().len())
        })
    }
}
