//! Names as a date pattern reads them: months, weekdays, half days, eras.
//!
//! As Joda-Time's `TextField`: short and long names are both taken, written as the locale has them, in lower case
//! or in upper case (no other mixture); the longest name wins.

use super::case::same_ignoring_case;
use crate::time::locale::Locale;

/// The names of one kind of field.
#[derive(Clone, Debug)]
pub(crate) struct TextTable {
    /// By first byte, then from the longest to the shortest.
    names: Vec<(Box<[u8]>, i32)>,
    /// Where the names with a first byte start in `names`.
    starts: Box<[u16; 257]>,
    short: Option<ShortNames>,
}

/// Names of three ASCII letters (`Jan`, `jan`, `JAN`) in a table without collisions, found with one look.
#[derive(Clone, Debug)]
struct ShortNames {
    multiplier: u32,
    slots: Box<[(u32, i32); 128]>,
}

impl TextTable {
    pub(crate) fn months(locale: &Locale) -> Self {
        Self::new(locale, &locale.months, &locale.short_months, 1)
    }

    pub(crate) fn weekdays(locale: &Locale) -> Self {
        Self::new(locale, &locale.weekdays, &locale.short_weekdays, 1)
    }

    pub(crate) fn half_days(locale: &Locale) -> Self {
        Self::new(locale, &locale.half_days, &locale.half_days, 0)
    }

    pub(crate) fn eras(locale: &Locale) -> Self {
        if locale.language == "en" {
            return Self::new(locale, &locale.eras, &["BCE", "CE"], 0);
        }
        Self::new(locale, &locale.eras, &locale.eras, 0)
    }

    /// `first` is the value of the first name.
    fn new(locale: &Locale, long: &[&str], short: &[&str], first: i32) -> Self {
        // Where one name stands for two values, the earlier value wins, and a short name over a long one.
        let value_of = |form: &str| {
            let same = |name: &&str| same_ignoring_case(name, form);
            let index = short.iter().position(&same);
            index.or_else(|| long.iter().position(same))
        };
        let mut names: Vec<(Box<[u8]>, i32)> = Vec::new();
        for name in long.iter().chain(short) {
            for form in [(*name).to_owned(), locale.lower(name), locale.upper(name)] {
                let Some(index) = value_of(&form) else {
                    continue;
                };
                let form = form.into_bytes().into_boxed_slice();
                if !form.is_empty() && names.iter().all(|(known, _)| *known != form) {
                    names.push((form, first + index as i32));
                }
            }
        }
        names.sort_by(|(a, _), (b, _)| a[0].cmp(&b[0]).then(b.len().cmp(&a.len())));
        let mut starts = Box::new([0; 257]);
        for (byte, start) in starts.iter_mut().enumerate() {
            *start = names.partition_point(|(name, _)| usize::from(name[0]) < byte) as u16;
        }
        let short = ShortNames::new(&names);
        Self {
            names,
            starts,
            short,
        }
    }

    /// The value of the longest name at `at`, and where the name ends.
    #[inline]
    pub(crate) fn find(&self, text: &[u8], at: usize) -> Option<(i32, usize)> {
        if let Some(short) = &self.short
            && let Some(key) = ShortNames::key(text, at)
            && !text.get(at + 3).copied().is_some_and(continues)
        {
            return Some((short.get(key)?, at + 3));
        }
        self.find_any(text, at)
    }

    fn find_any(&self, text: &[u8], at: usize) -> Option<(i32, usize)> {
        let rest = text.get(at..)?;
        let first = usize::from(*rest.first()?);
        let names =
            &self.names[usize::from(self.starts[first])..usize::from(self.starts[first + 1])];
        let (name, value) = names.iter().find(|(name, _)| rest.starts_with(name))?;
        Some((*value, at + name.len()))
    }
}

/// Whether a name can go on with this byte after three letters.
fn continues(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'.' || !byte.is_ascii()
}

impl ShortNames {
    const EMPTY: u32 = 0;

    fn new(names: &[(Box<[u8]>, i32)]) -> Option<Self> {
        let all_letters = |name: &[u8]| name.iter().all(u8::is_ascii_alphabetic);
        // One look must be enough to say that a text is no name: every name is three letters, or goes on.
        let fits = names.iter().all(|(name, _)| {
            name.len() >= 3
                && all_letters(&name[..3])
                && name.get(3).is_none_or(|byte| continues(*byte))
        });
        if !fits {
            return None;
        }
        let mut multiplier = 0x9e37_79b1_u32;
        for _ in 0..20_000 {
            if let Some(slots) = Self::fill(names, multiplier) {
                return Some(Self { multiplier, slots });
            }
            multiplier = multiplier
                .wrapping_mul(0x0019_660d)
                .wrapping_add(0x3c6e_f35f)
                | 1;
        }
        None
    }

    fn fill(names: &[(Box<[u8]>, i32)], multiplier: u32) -> Option<Box<[(u32, i32); 128]>> {
        let mut slots = Box::new([(Self::EMPTY, 0); 128]);
        for (name, value) in names.iter().filter(|(name, _)| name.len() == 3) {
            let key = Self::key(name, 0)?;
            let slot = &mut slots[Self::slot(key, multiplier)];
            if slot.0 != Self::EMPTY {
                return None;
            }
            *slot = (key, *value);
        }
        Some(slots)
    }

    #[inline]
    fn key(text: &[u8], at: usize) -> Option<u32> {
        match text.get(at..at + 3)? {
            [a, b, c] => Some(u32::from_le_bytes([*a, *b, *c, 0])),
            _ => None,
        }
    }

    #[inline]
    fn slot(key: u32, multiplier: u32) -> usize {
        (key.wrapping_mul(multiplier) >> 25) as usize
    }

    #[inline]
    fn get(&self, key: u32) -> Option<i32> {
        let (known, value) = self.slots[Self::slot(key, self.multiplier)];
        (known == key).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(table: &TextTable, text: &str) -> Option<(i32, usize)> {
        table.find(text.as_bytes(), 0)
    }

    #[test]
    fn english_months_take_the_fast_path() {
        let months = TextTable::months(&Locale::english());
        assert!(months.short.is_some());
        for (text, expected) in [
            ("Oct/2000", Some((10, 3))),
            ("oct 2000", Some((10, 3))),
            ("OCT", Some((10, 3))),
            ("October", Some((10, 7))),
            ("Octob", Some((10, 3))),
            ("May", Some((5, 3))),
            ("oCt", None),
            ("Okt", None),
            ("Ju", None),
            ("", None),
        ] {
            assert_eq!(find(&months, text), expected, "{text}");
        }
    }

    #[test]
    fn other_languages() {
        let months = TextTable::months(&Locale::new("fr").unwrap());
        assert_eq!(find(&months, "févr. 2013"), Some((2, 6)));
        assert_eq!(find(&months, "FÉVRIER"), Some((2, 8)));
        let months = TextTable::months(&Locale::new("de").unwrap());
        assert_eq!(find(&months, "Mai 2013"), Some((5, 3)));
        assert_eq!(find(&months, "Sept. 2013"), Some((9, 5)));
        let weekdays = TextTable::weekdays(&Locale::new("pl").unwrap());
        assert_eq!(find(&weekdays, "środa"), Some((3, 6)));
        let months = TextTable::months(&Locale::new("ja").unwrap());
        assert_eq!(find(&months, "12月"), Some((12, 5)));
        assert_eq!(find(&months, "1月"), Some((1, 4)));
        let months = TextTable::months(&Locale::new("tr").unwrap());
        assert_eq!(find(&months, "HAZİRAN"), Some((6, 8)));
    }
}
