//! Necessary factors: short sequences of byte sets of which every match contains one, as ` [0-9]:[0-5]` in each line with
//! a time of day.
//!
//! They are derived from a superset of the pattern, at each place that every match goes through: what can stand before the
//! place, and what can come after it. Of all places the one is taken that is rarest in log lines.

use super::byteset::ByteSet;
use super::factor::{Factor, LONGEST};
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// The most factors for one place.
const MOST: usize = 4;
/// Factors that begin at more than one of so many bytes of log lines are of no use.
const RARE: f32 = 1.0 / 64.0;
/// Those that begin at less than one of so many are as good as any.
const RARE_ENOUGH: f32 = 1.0 / 16_384.0;
/// After so many nodes nothing more is found out: of a pattern with more, a part must do.
const MAX_STEPS: u32 = 16_000;
/// What a sequence counts for beside its nodes: the places in it are looked at.
const STEPS_PER_SEQUENCE: u32 = 20;
/// How much of a sample is looked through.
const SAMPLE_BYTES: usize = 1 << 10;

/// Factors with room for so many sets altogether, of which each text that the expression matches contains one. Best are
/// those that are rare and not in the sample, if that is a text without a match.
pub(super) fn necessary(hir: &Hir, room: usize, sample: &[u8]) -> Option<Place> {
    necessary_below(RARE, hir, room, sample)
}

/// The same of factors that begin at less than such a share of the bytes of log lines.
fn necessary_below(share: f32, hir: &Hir, room: usize, sample: &[u8]) -> Option<Place> {
    let mut search = Search {
        share,
        sample: &sample[..sample.len().min(SAMPLE_BYTES)],
        room,
        best: None,
        steps: MAX_STEPS,
    };
    search.visit(hir, &anything(), &anything());
    search.best
}

/// Nothing is known.
fn anything() -> Vec<Factor> {
    vec![Factor::EMPTY]
}

struct Search<'s> {
    share: f32,
    sample: &'s [u8],
    room: usize,
    best: Option<Place>,
    steps: u32,
}

/// The factors around a place of the pattern.
#[derive(Default)]
pub(super) struct Place {
    pub(super) factors: Vec<Factor>,
    /// How many sets they have together.
    sets: usize,
    pub(super) in_sample: bool,
    /// Of the bytes of log lines, the share at which one begins.
    frequency: f32,
}

impl Place {
    /// The less the better.
    fn merit(&self) -> (bool, f32, usize) {
        (self.in_sample, self.frequency.max(RARE_ENOUGH), self.sets)
    }

    /// Of two places of which every match comes by one.
    fn or(mut self, other: Place) -> Place {
        self.factors.extend(other.factors);
        self.sets += other.sets;
        self.in_sample |= other.in_sample;
        self.frequency += other.frequency;
        self
    }
}

/// The side of a place that is looked at. What stands before a place is read backwards.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl Search<'_> {
    /// Goes over the places of a node that every match comes by; what is around it can stand before and come after it.
    fn visit(&mut self, hir: &Hir, before: &[Factor], after: &[Factor]) {
        let Some(steps) = self.steps.checked_sub(STEPS_PER_SEQUENCE) else {
            return;
        };
        self.steps = steps;
        let parts = match hir.kind() {
            HirKind::Concat(parts) => &parts[..],
            _ => std::slice::from_ref(hir),
        };
        let mut afters = vec![after.to_vec()];
        for part in parts.iter().rev() {
            let after = afters.last().map_or(&[][..], |after| &after[..]);
            afters.push(self.beside(part, after, Side::After));
        }
        let mut before = before.to_vec();
        for part in parts {
            let begins = afters.pop().unwrap_or_default();
            self.consider(&before, &begins);
            let after = afters.last().map_or(&[][..], |after| &after[..]);
            match part.kind() {
                // The first time round has what is before it, the last time what comes after.
                HirKind::Repetition(Repetition {
                    min: 1..,
                    max: Some(1),
                    sub,
                    ..
                }) => self.visit(sub, &before, after),
                HirKind::Repetition(Repetition { min: 1.., sub, .. }) => {
                    self.visit(sub, &before, &anything());
                    self.visit(sub, &anything(), after);
                }
                HirKind::Alternation(branches) if branches.len() <= MOST => {
                    self.visit_branches(branches, &before, after);
                }
                _ => {}
            }
            before = self.beside(part, &before, Side::Before);
        }
        let after = afters.pop().unwrap_or_default();
        self.consider(&before, &after);
    }

    /// A match comes by the places of one branch: the best place of each, together.
    fn visit_branches(&mut self, branches: &[Hir], before: &[Factor], after: &[Factor]) {
        let (room, best) = (self.room, self.best.take());
        self.room = room / branches.len();
        let mut places = Vec::with_capacity(branches.len());
        for branch in branches {
            self.visit(branch, before, after);
            places.extend(self.best.take());
        }
        (self.room, self.best) = (room, best);
        if places.len() == branches.len() {
            self.offer(places.into_iter().fold(Place::default(), Place::or));
        }
    }

    /// What is beside a place where this node is, and beyond the node something of `beyond`.
    fn beside(&mut self, hir: &Hir, beyond: &[Factor], side: Side) -> Vec<Factor> {
        let Some(steps) = self.steps.checked_sub(1) else {
            return anything();
        };
        self.steps = steps;
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => beyond.to_vec(),
            HirKind::Literal(literal) => {
                let mut factors = beyond.to_vec();
                let put = |&byte: &u8| factors = in_front(ByteSet::of_byte(byte), &factors);
                match side {
                    Side::After => literal.0.iter().take(LONGEST).rev().for_each(put),
                    Side::Before => literal.0.iter().rev().take(LONGEST).rev().for_each(put),
                }
                factors
            }
            HirKind::Class(Class::Bytes(class)) => {
                let mut set = ByteSet::EMPTY;
                let ranges = class.iter();
                ranges.for_each(|range| set.insert_range(range.start(), range.end()));
                in_front(set, beyond)
            }
            HirKind::Class(Class::Unicode(_)) => anything(),
            HirKind::Capture(capture) => self.beside(&capture.sub, beyond, side),
            HirKind::Concat(parts) => {
                let mut factors = beyond.to_vec();
                let put = |part: &Hir| factors = self.beside(part, &factors, side);
                match side {
                    Side::After => parts.iter().rev().for_each(put),
                    Side::Before => parts.iter().for_each(put),
                }
                factors
            }
            HirKind::Alternation(branches) => {
                let mut ways = Vec::new();
                for branch in branches {
                    add_all(&mut ways, self.beside(branch, beyond, side));
                }
                ways
            }
            HirKind::Repetition(repeat) => self.beside_repeat(repeat, beyond, side),
        }
    }

    fn beside_repeat(&mut self, repeat: &Repetition, beyond: &[Factor], side: Side) -> Vec<Factor> {
        let Repetition { min, max, sub, .. } = repeat;
        // Of single bytes all copies are seen that a factor has room for, of anything else two.
        let most = match sub.kind() {
            HirKind::Class(_) => LONGEST as u32,
            _ => 2,
        };
        let optional = max.map_or(u32::MAX, |max| max.saturating_sub(*min));
        let mut factors = match *min > most || optional > most {
            true => anything(),
            false => beyond.to_vec(),
        };
        for _ in 0..optional.min(most) {
            let mut ways = beyond.to_vec();
            add_all(&mut ways, self.beside(sub, &factors, side));
            factors = ways;
        }
        if *min > most {
            factors = anything();
        }
        for _ in 0..(*min).min(most) {
            factors = self.beside(sub, &factors, side);
        }
        factors
    }

    /// Looks at all factors around a place: so much before it and so much after.
    fn consider(&mut self, before: &[Factor], after: &[Factor]) {
        let (before, after) = (cuts(before), cuts(after));
        for (length, before) in before.iter().enumerate() {
            for after in &after[..=LONGEST - length] {
                let count = before.ways.len() * after.ways.len();
                let sets = before.sets * after.ways.len() + after.sets * before.ways.len();
                if count > MOST || sets > self.room {
                    continue;
                }
                let mut place = Place {
                    factors: Vec::new(),
                    sets,
                    in_sample: false,
                    frequency: before.frequency * after.frequency,
                };
                if self.is_best(&place) {
                    place.factors = before.joined_with(after);
                    let mut factors = place.factors.iter();
                    place.in_sample = factors.any(|factor| factor.is_in(self.sample));
                    self.offer(place);
                }
            }
        }
    }

    fn is_best(&self, place: &Place) -> bool {
        let best = self.best.as_ref();
        place.frequency < self.share && best.is_none_or(|best| place.merit() < best.merit())
    }

    /// Takes this place if it is better than the best so far.
    fn offer(&mut self, place: Place) {
        if self.is_best(&place) {
            self.best = Some(place);
        }
    }
}

/// Factors cut to a length.
struct Cut {
    ways: Vec<Factor>,
    /// Their lengths together.
    sets: usize,
    frequency: f32,
}

impl Cut {
    /// What is before a place with what is after it.
    fn joined_with(&self, after: &Cut) -> Vec<Factor> {
        let ways = self.ways.iter();
        let pairs = ways.flat_map(|before| after.ways.iter().map(move |after| (before, after)));
        let joined = pairs.map(|(before, after)| {
            let before = before.sets().iter().rev();
            before.chain(after.sets()).copied().collect()
        });
        joined.collect()
    }
}

/// Factors cut to each length.
fn cuts(factors: &[Factor]) -> [Cut; LONGEST + 1] {
    std::array::from_fn(|length| {
        let mut ways: Vec<Factor> = Vec::new();
        for factor in factors {
            add(&mut ways, factor.first(length));
        }
        Cut {
            sets: ways.iter().map(|way| way.sets().len()).sum(),
            frequency: ways.iter().map(Factor::frequency).sum(),
            ways,
        }
    })
}

/// The factors with a set before each.
fn in_front(set: ByteSet, factors: &[Factor]) -> Vec<Factor> {
    let mut longer = Vec::with_capacity(factors.len());
    for factor in factors {
        let sets = std::iter::once(&set).chain(factor.sets());
        add(&mut longer, sets.copied().collect());
    }
    longer
}

fn add_all(ways: &mut Vec<Factor>, others: Vec<Factor>) {
    others.into_iter().for_each(|other| add(ways, other));
}

/// Adds a factor to others of which one is found. When they get too many, it becomes one with that which it is most like.
fn add(ways: &mut Vec<Factor>, factor: Factor) {
    if ways.iter().any(|way| way.covers(&factor)) {
        return;
    }
    ways.retain(|way| !factor.covers(way));
    if let Some(way) = ways.iter().position(|way| way.is_one_with(&factor)) {
        let way = ways.swap_remove(way);
        return add(ways, way.or(&factor));
    }
    if ways.len() < MOST {
        return ways.push(factor);
    }
    let most_like = (0..ways.len()).min_by_key(|&way| ways[way].bytes_beside(&factor));
    if let Some(way) = most_like {
        let way = ways.swap_remove(way);
        add(ways, way.or(&factor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::superset::{Precision, found_with};
    use crate::regex::test_cases::Generator;
    use crate::regex::{Options, Regex, Scratch, parse};

    fn factors(pattern: &str, sample: &str) -> Vec<String> {
        let options = Options {
            multiline: true,
            ..Options::default()
        };
        let node = parse::parse(pattern, options).unwrap().node;
        let place = necessary(&found_with(&node, Precision::Fine), 24, sample.as_bytes());
        let factors = place.unwrap_or_default().factors;
        let written = factors.iter().map(|factor| {
            let sets = factor.sets().iter().map(|set| {
                let bytes: Vec<u8> = set.bytes().collect();
                match String::from_utf8_lossy(&bytes) {
                    text if bytes.len() == 1 => text.into_owned(),
                    text => format!("[{text}]"),
                }
            });
            sets.collect()
        });
        written.collect()
    }

    #[test]
    fn the_rarest_place_is_taken() {
        for (pattern, want) in [
            ("GET .*", &["GE"][..]),
            (".*fee#.*", &["e#"]),
            ("a[0-9]+:[0-5][0-9] x", &["[012345][0123456789] x"]),
            ("(?:alpha|#beta)", &["alp", "#b"]),
            ("a*", &[]),
            (".+", &[]),
            ("x?#?", &[]),
            ("(?:#a){2}", &["#a"]),
            ("(?:a#|b#c?)+;", &["[ab]#"]),
        ] {
            assert_eq!(factors(pattern, ""), want, "{pattern}");
        }
    }

    #[test]
    fn a_place_that_is_not_in_the_sample_is_taken_first() {
        assert_eq!(factors("##!! at", "other"), ["##"]);
        assert_eq!(factors("##!! at", "a ##!!"), ["! at"]);
    }

    /// Each repeat is gone into twice: twenty of them a million times.
    #[test]
    fn repeats_in_repeats_take_no_time() {
        let pattern = format!("{}#a{}", "(?:".repeat(60), "x?)+".repeat(60));
        let began = std::time::Instant::now();
        let found = factors(&pattern, &"#".repeat(1 << 20));
        assert!(began.elapsed().as_secs() < 10, "{found:?}");
    }

    #[test]
    fn each_match_has_a_factor_in_it() {
        let mut generator = Generator(0x510e_527f_ade6_82d1);
        let mut scratch = Scratch::default();
        let options = Options {
            multiline: true,
            ..Options::default()
        };
        let mut checked = 0;
        for _ in 0..1_500 {
            let Ok(regex) = Regex::new(&generator.pattern(), options) else {
                continue;
            };
            let texts = (0..4).map(|_| generator.text());
            let texts = texts.filter(|text| regex.is_match(text, &mut scratch).unwrap());
            let texts: Vec<String> = texts.collect();
            if texts.is_empty() {
                continue;
            }
            let hir = found_with(&regex.0.program.prefilter.tree, Precision::Fine);
            let Some(place) = necessary_below(1.0, &hir, 16, b"") else {
                continue;
            };
            for text in texts {
                let is_in = |factor: &Factor| factor.is_in(text.as_bytes());
                assert!(place.factors.iter().any(is_in), "{regex:?} on {text:?}");
                checked += 1;
            }
        }
        assert!(checked > 300, "{checked}");
    }
}
