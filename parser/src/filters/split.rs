//! `split`: makes an event of every part of a field (source: logstash-filter-split).

use super::mutate::split_text;
use crate::event::{Array, Event, EventError, Value};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::spec::{FieldName, Settings};

plugin_options! {
    /// Splits an event into several, one for each line of a text or element of an array.
    ///
    /// Empty parts and nulls make no event, so nothing remains of an empty text or array.
    pub struct SplitOptions for Filter "split" {
        /// What stands between the parts of a text. Escapes like `\n` are not processed here: write a line break, or
        /// leave the option out. A single space stands for any white space.
        terminator: String = "\n",
        /// The field to split.
        field: FieldName = "message",
        /// The field that gets the part; by default the field that is split.
        target: Option<FieldName>,
    }
}

/// Makes an event of every part of a field.
pub struct Split {
    options: SplitOptions,
}

impl BuildFilter for Split {
    type Options = SplitOptions;

    fn build(options: SplitOptions, _: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        Some(Self { options })
    }
}

impl Filter for Split {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        match self.parts(event) {
            Ok(Some(parts)) => {
                for part in parts {
                    if matches!(part, Value::Null | Value::Str("")) {
                        continue;
                    }
                    self.emit(event, part, context);
                }
                Outcome::Drop
            }
            Ok(None) => Outcome::Unmatched,
            Err(_) => {
                event.tag("_split_type_failure");
                Outcome::Unmatched
            }
        }
    }
}

/// The field cannot be split.
struct NotSplittable;

impl From<EventError> for NotSplittable {
    fn from(_: EventError) -> Self {
        Self
    }
}

impl Split {
    /// The parts, or `None` where the text is just one.
    fn parts<'a>(&self, event: &mut Event<'a>) -> Result<Option<Array<'a>>, NotSplittable> {
        let field = self.options.field.0.resolve(event)?;
        match event.get(field) {
            Some(Value::Str(text)) => {
                let parts = split_text(text, &self.options.terminator, event.arena());
                // Ruby counts empty parts at the end, which are not among these any more.
                let whole = match self.options.terminator.as_str() {
                    " " => text.trim_ascii_start(),
                    _ => text,
                };
                // Split by nothing, Ruby's last part is an empty one, so that even a single character is two.
                let single = !self.options.terminator.is_empty()
                    && match parts[..] {
                        // Nothing but space is one empty part.
                        [] => !text.is_empty() && whole.is_empty(),
                        [Value::Str(part)] => part == whole,
                        _ => false,
                    };
                Ok((!single).then_some(parts))
            }
            Some(Value::Array(_)) if self.options.target.is_none() => match event.remove(field) {
                Some(Value::Array(parts)) => Ok(Some(parts)),
                _ => Err(NotSplittable),
            },
            Some(Value::Array(parts)) => Ok(Some(parts.clone())),
            _ => Err(NotSplittable),
        }
    }

    fn emit<'a>(&self, event: &Event<'a>, part: Value<'a>, context: &mut Context<'a, '_>) {
        let mut made = event.clone();
        let target = self.options.target.as_ref().unwrap_or(&self.options.field);
        let field = target.0.resolve(event);
        let set = field.and_then(|field| Ok(made.set_checked(field, part)?));
        if set.is_err() {
            made.tag("_split_type_failure");
        }
        context.emit(made, set.is_ok());
    }
}
