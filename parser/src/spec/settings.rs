//! The settings of one plugin while its options are read from them.

use std::collections::HashSet;

use super::repeated::merge;
use super::{FormerOption, OptionType, PluginSpec, Standing, former_option};
use crate::config::ast::{Literal, Plugin, Setting, Spanned};
use crate::config::{Diagnostic, Span, nearest};

/// The settings of one plugin, repeated ones merged, and the errors found in them.
pub struct Settings<'d> {
    plugin: Spanned<String>,
    entries: Vec<Entry>,
    taken: HashSet<&'static str>,
    common: &'static [&'static str],
    diagnostics: &'d mut Vec<Diagnostic>,
}

struct Entry {
    name: Spanned<String>,
    value: Spanned<Literal>,
    known: bool,
}

/// What [`Settings::take`] found.
pub enum Taken<T> {
    /// A valid value.
    Value(T),
    /// A value of the wrong type; the error was reported.
    Invalid,
    /// Nothing.
    Absent,
}

impl<'d> Settings<'d> {
    /// The settings of `plugin`, errors going to `diagnostics`.
    pub fn new(plugin: &Plugin, diagnostics: &'d mut Vec<Diagnostic>) -> Self {
        let mut entries: Vec<Entry> = Vec::with_capacity(plugin.settings.len());
        for setting in &plugin.settings {
            let same = entries
                .iter_mut()
                .find(|entry| entry.name.node == setting.name.node);
            match same {
                Some(entry) => {
                    if merge(&mut entry.value, &setting.value).is_err() {
                        diagnostics.push(no_hash(entry.name.node.as_str(), setting));
                    }
                }
                None => entries.push(Entry {
                    name: setting.name.clone(),
                    value: setting.value.clone(),
                    known: false,
                }),
            }
        }
        Self {
            plugin: plugin.name.clone(),
            entries,
            taken: HashSet::new(),
            common: &[],
            diagnostics,
        }
    }

    /// Takes the value of an option.
    pub fn take<T: OptionType>(&mut self, name: &'static str) -> Taken<T> {
        self.taken.insert(name);
        let Some(entry) = self
            .entries
            .iter_mut()
            .find(|entry| entry.name.node == name)
        else {
            return Taken::Absent;
        };
        entry.known = true;
        let value = entry.value.clone();
        match T::read(&value, self) {
            Some(value) => Taken::Value(value),
            None => Taken::Invalid,
        }
    }

    /// Takes an option that may be absent; an invalid value is reported and counts as absent.
    pub fn take_optional<T: OptionType>(&mut self, name: &'static str) -> Option<T> {
        match self.take(name) {
            Taken::Value(value) => Some(value),
            Taken::Invalid | Taken::Absent => None,
        }
    }

    /// Where an option's value stands, or the plugin's name where it is not set.
    pub fn span_of(&self, name: &str) -> Span {
        self.entries
            .iter()
            .find(|entry| entry.name.node == name)
            .map_or(self.plugin.span, |entry| entry.value.span)
    }

    /// Whether the option was written.
    pub fn is_set(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name.node == name)
    }

    /// Every setting that no option has taken, in the order written; they count as known from now on.
    pub fn take_rest(&mut self) -> Vec<(Spanned<String>, Spanned<Literal>)> {
        let rest = self.entries.iter_mut().filter(|entry| !entry.known);
        rest.map(|entry| {
            entry.known = true;
            (entry.name.clone(), entry.value.clone())
        })
        .collect()
    }

    /// Names the options that all plugins of this kind have, for suggestions.
    pub fn set_common(&mut self, names: &'static [&'static str]) {
        self.common = names;
    }

    /// Reports every setting that is no option of the plugin, and warns of those that Logstash will drop.
    pub fn refuse_unknown(&mut self, spec: &PluginSpec) {
        for entry in &mut self.entries {
            let former = former_option(spec.kind, spec.name, &entry.name.node);
            if !entry.known {
                entry.known = true;
                let found = match former {
                    Some(former) => gone(entry.name.span, spec, former),
                    None => unknown(&entry.name, spec, self.common),
                };
                self.diagnostics.push(found);
            } else if let Some(former) = former.filter(|it| it.standing == Standing::Deprecated) {
                let message = format!("`{}` is deprecated", former.option);
                let found = Diagnostic::warning(entry.name.span, message);
                self.diagnostics
                    .push(found.help(former.instead).rule("deprecated-option"));
            }
        }
    }

    /// Reports an error at `span`.
    pub fn report(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Diagnostic::error(span, message))
    }

    /// Reports a warning at `span`.
    pub fn warn(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Diagnostic::warning(span, message))
    }

    /// Reports that a required option is missing.
    pub fn report_missing(&mut self, name: &str) {
        let message = format!("`{}` needs the option `{name}`", self.plugin.node);
        let help = format!("add `{name} => ...`");
        self.push(Diagnostic::error(self.plugin.span, message).help(help));
    }

    /// Reports a value of the wrong type.
    pub fn report_type(&mut self, value: &Spanned<Literal>, takes: &str) {
        let message = format!("expected {takes}, found {}", describe(&value.node));
        self.push(Diagnostic::error(value.span, message));
    }

    /// Reports a word that is none of the choices.
    pub fn report_choice(&mut self, span: Span, word: &str, choices: &[&'static str]) {
        let mut diagnostic =
            Diagnostic::error(span, format!("`{word}` is none of: {}", choices.join(", ")));
        if let Some(near) = nearest(word, choices.iter().copied()) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.push(diagnostic);
    }

    /// The text of a single value, as Logstash's `string` options read it.
    pub fn single_text(&mut self, value: &Spanned<Literal>, takes: &str) -> Option<String> {
        let text = super::string_of(&value.node);
        if text.is_none() {
            self.report_type(value, takes);
        }
        text
    }

    fn push(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        self.diagnostics.push(diagnostic);
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }
}

/// A value that cannot be added to the hash that the option is set to above.
fn no_hash(name: &str, setting: &Setting) -> Diagnostic {
    let found = describe(&setting.value.node);
    let message = format!("`{name}` is a hash above, to which {found} cannot be added");
    Diagnostic::error(setting.value.span, message).help(format!("write one `{name} => {{ ... }}`"))
}

fn unknown(name: &Spanned<String>, spec: &PluginSpec, common: &[&'static str]) -> Diagnostic {
    let written = &name.node;
    let known = spec.options.iter().map(|option| option.name);
    let message = format!(
        "{} `{}` has no option `{written}`",
        spec.kind.name(),
        spec.name
    );
    let diagnostic = Diagnostic::error(name.span, message).label("unknown option");
    match nearest(written, known.chain(common.iter().copied())) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help(format!("its options: {}", names(spec))),
    }
}

/// An option that Logstash had once.
fn gone(span: Span, spec: &PluginSpec, former: &FormerOption) -> Diagnostic {
    let message = format!(
        "{} `{}` has no option `{}` any more",
        spec.kind.name(),
        spec.name,
        former.option
    );
    Diagnostic::error(span, message).help(former.instead)
}

fn names(spec: &PluginSpec) -> String {
    let names: Vec<_> = spec.options.iter().map(|option| option.name).collect();
    names.join(", ")
}

/// What a literal is, for messages.
fn describe(literal: &Literal) -> String {
    match literal {
        Literal::Bareword(text) | Literal::String(text) => format!("\"{text}\""),
        Literal::Number(text) => text.clone(),
        Literal::Array(values) => format!("an array of {}", values.len()),
        Literal::Hash(_) => "a hash".to_owned(),
        Literal::Plugin(plugin) => format!("the plugin `{}`", plugin.name.node),
    }
}
