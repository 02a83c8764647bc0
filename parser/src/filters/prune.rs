//! `prune`: removes fields by name and by value (source: logstash-filter-prune).

use super::regex_template::{RegexTemplate, RegexTemplates};
use crate::config::ast::Spanned;
use crate::event::{Array, Event, Template, Value, intern, ruby_text};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::plugin_options;
use crate::regex::Scratch;
use crate::spec::{Pairs, Settings};

plugin_options! {
    /// Removes top-level fields whose names or values match regular expressions, or do not match them.
    ///
    /// A white list of names applies to `@timestamp`, `@version` and `tags` too.
    pub struct PruneOptions for Filter "prune" {
        /// Replaces `%{field}` in names and expressions. Costs time for every event.
        interpolate: bool = false,
        /// Keeps only fields whose names match one of these expressions.
        whitelist_names: Option<Vec<Spanned<String>>>,
        /// Removes fields whose names match one of these expressions; by default those with an unresolved `%{}`.
        blacklist_names: Option<Vec<Spanned<String>>>,
        /// Keeps these fields only if their values match; of an array, the elements that match.
        whitelist_values: Pairs<Spanned<String>> = [],
        /// Removes these fields if their values match; of an array, the elements that match.
        blacklist_values: Pairs<Spanned<String>> = [],
    }
}

/// Removes fields.
pub struct Prune {
    keep_names: RegexTemplates,
    remove_names: RegexTemplates,
    values: Vec<ValueRule>,
}

/// What becomes of one field by its value.
struct ValueRule {
    name: Template,
    /// Where names are not to be interpolated.
    literal_name: Option<&'static str>,
    regex: RegexTemplate,
    keep_matching: bool,
}

/// Names with an unresolved reference.
const UNRESOLVED: &str = r"%\{[^}]+\}";

impl BuildFilter for Prune {
    type Options = PruneOptions;

    fn build(options: PruneOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        let interpolate = options.interpolate;
        let keep_names = regexes(options.whitelist_names, interpolate, settings);
        let remove_names = match options.blacklist_names {
            None => RegexTemplate::literal(UNRESOLVED)
                .ok()
                .map(|regex| vec![regex]),
            names => regexes(names, interpolate, settings),
        };
        let mut values = Vec::new();
        let mut valid = true;
        for (pairs, keep_matching) in [
            (options.whitelist_values, true),
            (options.blacklist_values, false),
        ] {
            for (name, pattern) in pairs.0 {
                let Some(regex) = regex(&pattern, interpolate, settings) else {
                    valid = false;
                    continue;
                };
                values.push(ValueRule {
                    name: Template::lenient(&name.node),
                    literal_name: (!interpolate).then(|| intern(&name.node)),
                    regex,
                    keep_matching,
                });
            }
        }
        valid.then_some(())?;
        Some(Self {
            keep_names: RegexTemplates::new(keep_names?),
            remove_names: RegexTemplates::new(remove_names?),
            values,
        })
    }
}

fn regexes(
    patterns: Option<Vec<Spanned<String>>>,
    interpolate: bool,
    settings: &mut Settings<'_>,
) -> Option<Vec<RegexTemplate>> {
    let patterns = patterns.unwrap_or_default();
    let compiled: Vec<_> = patterns
        .iter()
        .map(|pattern| regex(pattern, interpolate, settings))
        .collect();
    compiled.into_iter().collect()
}

fn regex(
    pattern: &Spanned<String>,
    interpolate: bool,
    settings: &mut Settings<'_>,
) -> Option<RegexTemplate> {
    let compiled = if interpolate {
        RegexTemplate::parse(&pattern.node)
    } else {
        RegexTemplate::literal(&pattern.node)
    };
    match compiled {
        Ok(regex) => Some(regex),
        Err(error) => {
            settings.report(pattern.span, error.to_string());
            None
        }
    }
}

impl Filter for Prune {
    fn apply<'a>(&self, event: &mut Event<'a>, context: &mut Context<'a, '_>) -> Outcome {
        match self.prune(event, context.scratch) {
            Some(()) => Outcome::Matched,
            None => {
                event.tag("_prunefailure");
                Outcome::Unmatched
            }
        }
    }
}

impl Prune {
    /// `None` if an expression that hangs on the event is none.
    fn prune<'a>(&self, event: &mut Event<'a>, scratch: &mut Scratch) -> Option<()> {
        let keep = self.keep_names.resolve(event)?;
        let remove = self.remove_names.resolve(event)?;
        // Rules look at the event as it came, so what they change is worked out before any field is removed.
        let mut changes = Vec::new();
        for rule in &self.values {
            rule.judge(event, scratch, &mut changes)?;
        }
        event.fields_mut().retain(|name, _| {
            let kept = keep.is_empty() || keep.any_matches(name, scratch);
            kept && !remove.any_matches(name, scratch)
        });
        for (name, left) in changes {
            match left {
                Some(left) => event.fields_mut().set(name, Value::Array(left)),
                None => {
                    event.fields_mut().remove(name);
                }
            }
        }
        Some(())
    }
}

impl ValueRule {
    /// Notes what is left of the rule's field: some elements of an array, or nothing.
    fn judge<'a>(
        &self,
        event: &Event<'a>,
        scratch: &mut Scratch,
        changes: &mut Vec<(&'a str, Option<Array<'a>>)>,
    ) -> Option<()> {
        let name = match self.literal_name {
            Some(name) => name,
            None => self.name.try_render(event).ok()?,
        };
        let regex = self.regex.resolve(event)?;
        let arena = event.arena();
        let mut stays = |value: &Value<'a>| {
            let text = ruby_text(value, arena);
            regex.is_match(text, scratch).unwrap_or(false) == self.keep_matching
        };
        match event.fields().get(name) {
            None | Some(Value::Null | Value::Bool(false)) => {}
            Some(Value::Array(values)) => {
                let kept = values.iter().filter(|value| stays(value)).cloned();
                let left = Array::from_iter_in(kept, arena);
                if left.len() < values.len() {
                    changes.push((name, (!left.is_empty()).then_some(left)));
                }
            }
            Some(value) => {
                if !stays(value) {
                    changes.push((name, None));
                }
            }
        }
        Some(())
    }
}
