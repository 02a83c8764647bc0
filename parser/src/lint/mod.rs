//! What is valid but probably not meant: the rules of `kelp check`.
//!
//! A rule warns only where it is sure. Each has a name, by which a comment silences it.

mod conditions;
mod dates;
mod grok;
mod reach;
mod silence;
mod unset;

use crate::config::ast::{Config, Expr, If, Plugin, Section, SectionKind, Statement};
use crate::config::{Diagnostic, Span};
use crate::spec::{EcsCompatibility, OptionType, Settings};

pub use silence::silence;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, as in `# kelp: allow(name)`.
    pub name: &'static str,
    /// What it finds, in one sentence.
    pub doc: &'static str,
}

/// Every rule, by name.
pub static RULES: &[Rule] = &[
    Rule {
        name: "constant-condition",
        doc: "A condition that holds for every event, or for none.",
    },
    Rule {
        name: "date-format",
        doc: "Letters of a date format that mean something else than they look like: `mm` for months, `DD` for days.",
    },
    Rule {
        name: "deprecated-option",
        doc: "An option that Logstash will drop, and what takes its place.",
    },
    Rule {
        name: "grok-capture",
        doc: "A grok pattern whose captures collide with each other or with a field that is there already.",
    },
    Rule {
        name: "never-equal",
        doc: "A comparison of a field with a value of a type that the field never has.",
    },
    Rule {
        name: "never-set",
        doc: "A field that a condition or a `%{}` looks at, though no input and no filter sets it. Silent where some of them may set any field, such as the codec `json` and the filter `ruby`.",
    },
    Rule {
        name: "one-element-list",
        doc: "`[x] in [\"a\"]`: with one element it is no list but the name of a field.",
    },
    Rule {
        name: "unknown-rule",
        doc: "A comment that silences a rule that does not exist.",
    },
    Rule {
        name: "unreachable",
        doc: "A filter or branch that no event reaches.",
    },
];

/// Everything the rules find in a configuration without errors. What comments silence is still among it; see [`silence`].
pub fn lint(config: &Config, ecs: EcsCompatibility) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for Section { kind, body, .. } in &config.sections {
        reach::check(body, &mut found);
        walk(body, &mut |visited| match visited {
            Visited::Plugin(plugin) => {
                dates::check(*kind, plugin, &mut found);
                if *kind == SectionKind::Filter && plugin.name.node == "grok" {
                    grok::check(plugin, ecs, &mut found);
                }
            }
            Visited::Condition(condition, span) => {
                conditions::check(condition, span, &mut found);
            }
        });
    }
    conditions::check_types(config, &mut found);
    unset::check(config, ecs, &mut found);
    found.sort_by_key(|diagnostic| (diagnostic.span.file, diagnostic.span.start));
    found
}

enum Visited<'c> {
    Plugin(&'c Plugin),
    Condition(&'c Expr, Span),
}

/// Visits every plugin and condition in the order of the text.
fn walk<'c>(statements: &'c [Statement], visit: &mut dyn FnMut(Visited<'c>)) {
    for statement in statements {
        match statement {
            Statement::Plugin(plugin) => visit(Visited::Plugin(plugin)),
            Statement::If(If {
                branches,
                otherwise,
            }) => {
                for branch in branches {
                    visit(Visited::Condition(&branch.condition, branch.span));
                    walk(&branch.body, visit);
                }
                walk(otherwise.as_deref().unwrap_or_default(), visit);
            }
        }
    }
}

/// The value of an option, if it is set and valid.
fn option<T: OptionType>(plugin: &Plugin, name: &'static str) -> Option<T> {
    let mut reported_elsewhere = Vec::new();
    Settings::new(plugin, &mut reported_elsewhere).take_optional(name)
}

#[cfg(test)]
mod tests;
