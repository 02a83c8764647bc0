//! Names of fields in options that Logstash reads only with an event: as templates, and not checked before.

use super::{Event, FieldRef, FieldRefError, InvalidFieldSet, Template, TemplateError};

/// A field reference, parsed once if it holds no `%{}`. One that is not valid is an error only for
/// the events that come by, as in Logstash.
#[derive(Clone, Debug)]
pub enum FieldTemplate {
    /// The same field of every event.
    Constant(FieldRef<'static>),
    /// The name hangs on the event.
    Dynamic(Template),
    /// Not a field reference.
    Invalid(FieldRefError),
}

/// Why a filter could not change an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// A name that is not a field reference.
    #[error(transparent)]
    Reference(#[from] FieldRefError),
    /// A template that cannot be rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A field that cannot be set.
    #[error(transparent)]
    Set(#[from] InvalidFieldSet),
}

impl FieldTemplate {
    /// A name that may hold `%{}`.
    pub fn new(template: Template) -> Self {
        match template.as_constant() {
            Some(name) => Self::literal(name),
            None => Self::Dynamic(template),
        }
    }

    /// A name in which `%{}` means nothing.
    pub fn literal(name: &str) -> Self {
        match FieldRef::parse(name) {
            Ok(field) => Self::Constant(field),
            Err(error) => Self::Invalid(error),
        }
    }

    /// Why it is a field of no event.
    pub fn error(&self) -> Option<EventError> {
        match self {
            Self::Constant(_) => None,
            Self::Dynamic(template) => template.error().cloned().map(EventError::Template),
            Self::Invalid(error) => Some(EventError::Reference(error.clone())),
        }
    }

    /// The field of this event.
    pub fn resolve<'a>(&self, event: &Event<'a>) -> Result<FieldRef<'a>, EventError> {
        match self {
            Self::Constant(field) => Ok(*field),
            Self::Dynamic(template) => {
                let name = template.try_render(event).map_err(Clone::clone)?;
                Ok(FieldRef::parse_in(event.arena(), name)?)
            }
            Self::Invalid(error) => Err(error.clone().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Arena, Value};

    #[test]
    fn a_name_is_resolved_for_each_event_and_a_bad_one_is_an_error_then() {
        let arena = Arena::new();
        let mut event = Event::empty(&arena);
        let x = FieldRef::constant("x");
        event.set(x, Value::Str("one")).unwrap();
        let resolve = |name: &str| {
            let resolved = FieldTemplate::new(Template::lenient(name)).resolve(&event);
            resolved.map(|field| field.to_string())
        };
        assert_eq!(resolve("[a][b]").unwrap(), "[a][b]");
        assert_eq!(resolve("field_%{x}").unwrap(), "field_one");
        assert!(resolve("a[b]").is_err());
        assert!(resolve("[%{x}").is_err());
        assert!(resolve("%{[x}").is_err());
        let literal = FieldTemplate::literal("%{x}").resolve(&event).unwrap();
        assert_eq!(literal.to_string(), "%{x}");
    }
}
