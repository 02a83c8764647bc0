//! Regular expressions of options that may hold `%{field}`.

use crate::event::{Event, Template};
use crate::regex::{Options, Regex, RegexCache, RegexError};

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
