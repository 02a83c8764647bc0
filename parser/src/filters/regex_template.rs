//! Regular expressions of options that may hold `%{field}`.

use crate::event::{Event, Template};
use crate::regex::{Options, Regex, RegexCache, RegexError, RegexList, Scratch};

/// An expression that is the same for every event, or hangs on the event.
pub(super) enum RegexTemplate {
    Fixed(Regex),
    Dynamic {
        template: Template,
        compiled: RegexCache,
    },
}

impl RegexTemplate {
    /// An expression in which `%{field}` is replaced.
    pub(super) fn parse(text: &str) -> Result<Self, RegexError> {
        if !text.contains("%{") {
            return Self::literal(text);
        }
        Ok(Self::Dynamic {
            template: Template::lenient(text),
            compiled: RegexCache::default(),
        })
    }

    /// An expression in which `%{field}` means nothing.
    pub(super) fn literal(text: &str) -> Result<Self, RegexError> {
        Ok(Self::Fixed(Regex::new(text, Options::default())?))
    }

    /// The expression for this event; `None` where what comes of it is none.
    pub(super) fn resolve(&self, event: &Event<'_>) -> Option<Regex> {
        match self {
            Self::Fixed(regex) => Some(regex.clone()),
            Self::Dynamic { template, compiled } => {
                let text = template.try_render(event).ok()?;
                compiled.get(text, Options::default()).0.ok()
            }
        }
    }
}

/// Several such expressions, of which any may match.
pub(super) enum RegexTemplates {
    Fixed(RegexList),
    Dynamic(Vec<RegexTemplate>),
}

/// The expressions of [`RegexTemplates`] for one event.
pub(super) enum ResolvedRegexes<'t> {
    List(&'t RegexList),
    Each(Vec<Regex>),
}

impl RegexTemplates {
    pub(super) fn new(templates: Vec<RegexTemplate>) -> Self {
        let fixed = templates.iter().map(|template| match template {
            RegexTemplate::Fixed(regex) => Some(regex.clone()),
            RegexTemplate::Dynamic { .. } => None,
        });
        match fixed.collect() {
            Some(regexes) => Self::Fixed(RegexList::new(regexes)),
            None => Self::Dynamic(templates),
        }
    }

    /// The expressions for this event; `None` where what comes of one is none.
    pub(super) fn resolve(&self, event: &Event<'_>) -> Option<ResolvedRegexes<'_>> {
        Some(match self {
            Self::Fixed(list) => ResolvedRegexes::List(list),
            Self::Dynamic(templates) => {
                let resolved = templates.iter().map(|template| template.resolve(event));
                ResolvedRegexes::Each(resolved.collect::<Option<_>>()?)
            }
        })
    }
}

impl ResolvedRegexes<'_> {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::List(list) => list.is_empty(),
            Self::Each(regexes) => regexes.is_empty(),
        }
    }

    /// Whether any matches. A search that runs out of its budget counts as no match.
    pub(super) fn any_matches(&self, text: &str, scratch: &mut Scratch) -> bool {
        match self {
            Self::List(list) => list.any_matches(text, scratch),
            Self::Each(regexes) => regexes
                .iter()
                .any(|regex| regex.is_match(text, scratch).unwrap_or(false)),
        }
    }
}
