//! Names of months, weekdays, half days and eras by language.

/// The names that a language uses inside dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locale {
    /// Two letters, as in `en`.
    pub(crate) language: &'static str,
    pub(crate) months: [&'static str; 12],
    pub(crate) short_months: [&'static str; 12],
    /// From Monday.
    pub(crate) weekdays: [&'static str; 7],
    pub(crate) short_weekdays: [&'static str; 7],
    pub(crate) half_days: [&'static str; 2],
    pub(crate) eras: [&'static str; 2],
}

/// A language whose names are not known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the names of months and weekdays in locale `{0}` are not known")]
pub struct UnknownLocale(pub String);

const NAMES: &str = include_str!("locales.txt");

impl Locale {
    /// By BCP 47 language tag (`de`, `pt-BR`; `pt_BR` is read as well). A region that is not known falls
    /// back to its language.
    pub fn new(tag: &str) -> Result<Self, UnknownLocale> {
        let wanted = tag.replace('_', "-");
        let mut wanted = wanted.as_str();
        loop {
            if let Some(locale) = find(wanted) {
                return Ok(locale);
            }
            match wanted.rsplit_once('-') {
                Some((parent, _)) => wanted = parent,
                None => return Err(UnknownLocale(tag.to_owned())),
            }
        }
    }

    /// English as in the United States.
    pub fn english() -> Self {
        match find("en") {
            Some(locale) => locale,
            None => unreachable!("locales.txt has English"),
        }
    }

    /// Java's for a language that it does not know: short English names, for the long ones as well.
    pub fn root() -> Self {
        find("und").unwrap_or_else(Self::english)
    }

    /// Java's `String.toLowerCase(Locale)` for the names of this locale.
    pub(crate) fn lower(&self, text: &str) -> String {
        if matches!(self.language, "tr" | "az") {
            return text.replace('I', "ı").replace('İ', "i").to_lowercase();
        }
        text.to_lowercase()
    }

    /// Java's `String.toUpperCase(Locale)` for the names of this locale.
    pub(crate) fn upper(&self, text: &str) -> String {
        if matches!(self.language, "tr" | "az") {
            return text.replace('i', "İ").to_uppercase();
        }
        text.to_uppercase()
    }
}

fn find(tag: &str) -> Option<Locale> {
    NAMES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let (tags, names) = line.split_once(';')?;
            let found = tags
                .split(' ')
                .find(|known| known.eq_ignore_ascii_case(tag))?;
            let mut groups = names.split(';');
            Some(Locale {
                language: found.split('-').next()?,
                months: names_of(groups.next()?)?,
                short_months: names_of(groups.next()?)?,
                weekdays: names_of(groups.next()?)?,
                short_weekdays: names_of(groups.next()?)?,
                half_days: names_of(groups.next()?)?,
                eras: names_of(groups.next()?)?,
            })
        })
}

fn names_of<const N: usize>(group: &'static str) -> Option<[&'static str; N]> {
    let mut names = [""; N];
    let mut parts = group.split('|');
    for name in &mut names {
        *name = parts.next()?;
    }
    parts.next().is_none().then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_all_names() {
        for line in NAMES.lines().filter(|line| !line.starts_with('#')) {
            let (tags, _) = line.split_once(';').unwrap();
            for tag in tags.split(' ') {
                assert!(find(tag).is_some(), "{tag}");
            }
        }
    }

    #[test]
    fn a_region_falls_back_to_its_language() {
        assert_eq!(Locale::new("fr-FR"), Locale::new("fr"));
        assert_eq!(Locale::new("pt_BR").unwrap().months[2], "março");
        assert_eq!(Locale::new("de-AT").unwrap().months[0], "Jänner");
        assert_eq!(Locale::new("EN-gb").unwrap().short_months[8], "Sept");
        assert_eq!(Locale::new("en-US").unwrap(), Locale::english());
        assert!(Locale::new("tlh").is_err());
        assert_eq!(Locale::root().months[2], "Mar");
        assert_eq!(Locale::new("ar-TN").unwrap().months[0], "جانفي");
    }
}
