//! One pass over a text that says of which patterns it has a necessary factor: "Shift-And" (Baeza-Yates and Gonnet, 1992),
//! with a bit for each byte set of the factors.
//!
//! A byte takes three operations that wait for those of the byte before, so two halves of a text are gone through side by
//! side. An automaton waits for memory at each byte; but it says more.

use super::ast::Node;
use super::automaton::Candidates;
use super::factor::{Factor, LONGEST};
use super::factors;
use super::superset::{Precision, found_with};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// Texts that are looked at before factors are worked out, which takes milliseconds.
const LOOKS_BEFORE: u32 = if cfg!(test) { 1 } else { 32 };

/// How many bytes are gone through before it is asked whether more need be.
const CHUNK: usize = 64;

/// The factors of some patterns, worked out when it turns out to be worth it.
#[derive(Debug, Default)]
pub(super) struct Factors {
    looks: AtomicU32,
    shift_and: OnceLock<Option<ShiftAnd>>,
}

impl Factors {
    /// The patterns that may match in this text.
    pub(super) fn candidates(&self, trees: &[Arc<Node>], text: &[u8]) -> Candidates {
        let shift_and = match self.shift_and.get() {
            Some(known) => known,
            None if self.looks.fetch_add(1, Ordering::Relaxed) < LOOKS_BEFORE => &None,
            None => self.shift_and.get_or_init(|| ShiftAnd::new(trees, text)),
        };
        match shift_and {
            Some(shift_and) => shift_and.candidates(text),
            None => Candidates::all(trees.len()),
        }
    }
}

/// A bit for each set of a factor; no factor goes from one word into the other.
type Bits = [u64; 2];

/// What looks for the factors of up to [`Candidates::MOST`] patterns.
#[derive(Debug)]
struct ShiftAnd {
    /// The sets that a byte is in.
    members: Box<[Bits; 256]>,
    /// The first sets of all factors.
    begins: Bits,
    /// The last sets of a pattern's factors.
    ends: Vec<(usize, Bits)>,
    /// Patterns without factors.
    others: Candidates,
}

impl ShiftAnd {
    /// Of these patterns; `None` if there is nothing to look for. Most texts are taken to be like the sample.
    fn new(trees: &[Arc<Node>], sample: &[u8]) -> Option<ShiftAnd> {
        let mut this = ShiftAnd {
            members: Box::new([[0; 2]; 256]),
            begins: [0; 2],
            ends: Vec::new(),
            others: Candidates::NONE,
        };
        let mut used = [0; 2];
        let expressions = trees.iter().map(|tree| found_with(tree, Precision::Fine));
        let mut expressions: Vec<_> = expressions.enumerate().collect();
        // What the first have left may be what another needs.
        for is_last_round in [false, true] {
            let mut still = Vec::new();
            let count = expressions.len();
            for (at, (number, hir)) in expressions.into_iter().enumerate() {
                let free: usize = used.iter().map(|used| u64::BITS as usize - used).sum();
                let room = free / (count - at);
                let place = factors::necessary(&hir, room, sample);
                match place.filter(|place| is_last_round || !place.in_sample) {
                    Some(place) => this.put(number, &place.factors, &mut used),
                    None if is_last_round => this.others.insert(number),
                    None => still.push((number, hir)),
                }
            }
            expressions = still;
        }
        (!this.ends.is_empty()).then_some(this)
    }

    /// Gives each set of a pattern's factors a bit; does without factors if there are too few.
    fn put(&mut self, number: usize, factors: &[Factor], used: &mut [usize; 2]) {
        let mut places = Vec::with_capacity(factors.len());
        let mut after = *used;
        for factor in factors {
            let fits = |&word: &usize| after[word] + factor.sets().len() <= u64::BITS as usize;
            let Some(word) = (0..after.len()).find(fits) else {
                return self.others.insert(number);
            };
            places.push((factor, word, after[word]));
            after[word] += factor.sets().len();
        }
        *used = after;
        let mut ends = [0; 2];
        for (factor, word, first) in places {
            self.begins[word] |= 1 << first;
            ends[word] |= 1 << (first + factor.sets().len() - 1);
            for (bit, set) in (first..).zip(factor.sets()) {
                set.bytes()
                    .for_each(|byte| self.members[usize::from(byte)][word] |= 1 << bit);
            }
        }
        self.ends.push((number, ends));
    }

    /// The patterns that may match in this text: those of which there is a factor in it.
    fn candidates(&self, text: &[u8]) -> Candidates {
        let (first, second) = text.split_at(text.len() / 2);
        let (mut one, mut other) = (Run::default(), Run::default());
        for (first, second) in first.chunks(CHUNK).zip(second.chunks(CHUNK)) {
            for (&byte_of_one, &byte_of_other) in first.iter().zip(second) {
                one.step(self, byte_of_one);
                other.step(self, byte_of_other);
            }
            // Who looks for one match after the other does not want to see all of the text each time.
            if self.ends.iter().all(|(_, ends)| one.or(&other).has(ends)) {
                return self.found(&one.or(&other));
            }
        }
        let rest = &second[first.len()..];
        rest.iter().for_each(|&byte| other.step(self, byte));
        // A factor may begin in the first half and end in the second.
        let overlap = second.iter().take(LONGEST - 1);
        overlap.for_each(|&byte| one.step(self, byte));
        self.found(&one.or(&other))
    }

    fn found(&self, seen: &Seen) -> Candidates {
        let mut candidates = self.others;
        for (number, ends) in &self.ends {
            if seen.has(ends) {
                candidates.insert(*number);
            }
        }
        candidates
    }
}

/// All sets that factors went up to in a pass.
struct Seen(Bits);

impl Seen {
    #[inline(always)]
    fn has(&self, ends: &Bits) -> bool {
        (self.0[0] & ends[0]) | (self.0[1] & ends[1]) != 0
    }
}

/// The state of a pass.
#[derive(Default)]
struct Run {
    /// The sets up to which factors go that are under way.
    state: Bits,
    /// All that were ever in the state.
    seen: Bits,
}

impl Run {
    #[inline(always)]
    fn or(&self, other: &Run) -> Seen {
        Seen([0, 1].map(|word| self.seen[word] | other.seen[word]))
    }

    #[inline(always)]
    fn step(&mut self, of: &ShiftAnd, byte: u8) {
        let members = &of.members[usize::from(byte)];
        self.state = [0, 1].map(|word| (self.state[word] << 1 | of.begins[word]) & members[word]);
        self.seen = [0, 1].map(|word| self.seen[word] | self.state[word]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grok::{Grok, Library, PatternSet};
    use crate::regex::byteset::ByteSet;
    use crate::regex::test_cases::Generator;
    use crate::regex::{Options, Regex};

    fn random_factor(generator: &mut Generator) -> Factor {
        let length = 1 + generator.below(LONGEST);
        let sets = (0..length).map(|_| {
            let bytes = (0..=generator.below(2)).map(|_| b'a' + generator.below(4) as u8);
            bytes.fold(ByteSet::EMPTY, |set, byte| {
                set.union(ByteSet::of_byte(byte))
            })
        });
        sets.collect()
    }

    #[test]
    fn factors_are_found_wherever_they_are() {
        let mut generator = Generator(0x3c6e_f372_fe94_f82b);
        let (mut found, mut missing) = (0, 0);
        for _ in 0..300 {
            let mut shift_and = ShiftAnd {
                members: Box::new([[0; 2]; 256]),
                begins: [0; 2],
                ends: Vec::new(),
                others: Candidates::NONE,
            };
            let mut used = [0; 2];
            let patterns: Vec<Vec<Factor>> = (0..=generator.below(20))
                .map(|_| {
                    let factors = (0..=generator.below(3)).map(|_| random_factor(&mut generator));
                    factors.collect()
                })
                .collect();
            for (number, factors) in patterns.iter().enumerate() {
                shift_and.put(number, factors, &mut used);
            }
            for _ in 0..20 {
                let text = (0..generator.below(40)).map(|_| b'a' + generator.below(5) as u8);
                let text: Vec<u8> = text.collect();
                let candidates = shift_and.candidates(&text);
                for (number, factors) in patterns.iter().enumerate() {
                    let has_some = factors.iter().any(|factor| factor.is_in(&text));
                    let unknown = shift_and.others.contains(number);
                    assert_eq!(candidates.contains(number), has_some || unknown);
                    found += usize::from(has_some && !unknown);
                    missing += usize::from(!has_some && !unknown);
                }
            }
        }
        assert!(found > 1_000 && missing > 1_000, "{found} {missing}");
    }

    #[test]
    fn a_pass_ends_when_all_is_found() {
        let tree = Regex::new("#a", Options::default()).unwrap();
        let tree = tree.0.program.prefilter.tree.clone();
        let shift_and = ShiftAnd::new(&[tree], b"").unwrap();
        for at in [0, 1, 63, 64, 99, 100, 198, 199, 200, 201, 300, 398] {
            let mut text = [b'.'; 400];
            assert!(!shift_and.candidates(&text).contains(0));
            text[at] = b'#';
            assert!(!shift_and.candidates(&text).contains(0));
            text[at + 1] = b'a';
            assert!(shift_and.candidates(&text).contains(0), "at {at}");
        }
    }

    #[test]
    fn a_line_of_another_kind_is_rejected() {
        let library = Library::new(PatternSet::Legacy);
        let patterns = [
            "%{SYSLOG5424LINE}",
            "%{HAPROXYHTTP}",
            "%{S3_ACCESS_LOG}",
            "%{SYSLOGLINE}",
            "%{COMBINEDAPACHELOG}",
        ];
        let trees = patterns.map(|pattern| {
            let grok = Grok::compile(pattern, &library, true).unwrap();
            grok.regex().0.program.prefilter.tree.clone()
        });
        let line = r#"192.0.2.7 - frank [10/Oct/2016:13:55:36 -0700] "GET /a HTTP/1.1" 200 2326 "-" "Gecko/20100101 Firefox/127.0""#;
        let other = r#"198.51.100.1 - - [09/Jan/2013:03:05:06 +0000] "GET / HTTP/1.0" 304 15 "-" "curl/8.0""#;
        let shift_and = ShiftAnd::new(&trees, line.as_bytes()).unwrap();
        for text in [line, other] {
            let candidates = shift_and.candidates(text.as_bytes());
            let left: Vec<usize> = (0..5)
                .filter(|&number| candidates.contains(number))
                .collect();
            assert_eq!(left, [4], "{text}");
        }
    }
}
