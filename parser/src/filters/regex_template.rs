//! Regular expressions of options that may hold `%{field}`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::event::{Event, Template};
use crate::regex::{Options, Regex, RegexError};

/// An expression that is the same for every event, or hangs on the event.
pub(super) enum RegexTemplate {
    Fixed(Regex),
    Dynamic {
        template: Template,
        /// Events that need an expression once tend to need it again. The lock is taken only for
        /// expressions of this kind.
        compiled: Mutex<HashMap<String, Option<Regex>>>,
    },
}

/// How many expressions that hang on events are kept.
const COMPILED_MAX: usize = 500;

impl RegexTemplate {
    /// An expression in which `%{field}` is replaced.
    pub(super) fn parse(text: &str) -> Result<Self, RegexError> {
        if !text.contains("%{") {
            return Self::literal(text);
        }
        Ok(Self::Dynamic {
            template: Template::lenient(text),
            compiled: Mutex::default(),
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
                let mut compiled = compiled.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(regex) = compiled.get(text) {
                    return regex.clone();
                }
                if compiled.len() >= COMPILED_MAX {
                    compiled.clear();
                }
                let regex = Regex::new(text, Options::default()).ok();
                compiled.insert(text.to_owned(), regex.clone());
                regex
            }
        }
    }
}
