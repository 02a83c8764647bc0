//! `${VAR}` and `${VAR:default}`: replaces them by values of the environment (and whatever else the caller consults).
//!
//! As in Logstash (`SubstitutionVariables`, `ConfigVariableExpander`), they are replaced in option values and in the strings of
//! conditions, but not in option names, hash keys, field references or patterns after `=~`. A variable that is set to the empty
//! string beats its default. Values never appear in diagnostics: they may be secrets.

use super::ast::{Config, Expr, If, Literal, Operand, Plugin, Spanned, Statement};
use super::diagnostic::Diagnostic;
use super::source::{SourceMap, Span};

/// Replaces every variable reference in `config` by what `lookup` knows under its name, or by its default. What is replaced is
/// not looked at again. A variable without value and default is an error; the reference stays as it was.
pub fn resolve(
    config: &mut Config,
    sources: &SourceMap,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Vec<Diagnostic> {
    let mut resolver = Resolver {
        sources,
        lookup,
        diagnostics: Vec::new(),
    };
    for section in &mut config.sections {
        resolver.statements(&mut section.body);
    }
    resolver.diagnostics
}

struct Resolver<'a> {
    sources: &'a SourceMap,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    diagnostics: Vec<Diagnostic>,
}

impl Resolver<'_> {
    fn statements(&mut self, statements: &mut [Statement]) {
        for statement in statements {
            match statement {
                Statement::Plugin(plugin) => self.plugin(plugin),
                Statement::If(If {
                    branches,
                    otherwise,
                }) => {
                    for branch in branches {
                        self.condition(&mut branch.condition);
                        self.statements(&mut branch.body);
                    }
                    self.statements(otherwise.as_deref_mut().unwrap_or_default());
                }
            }
        }
    }

    fn plugin(&mut self, plugin: &mut Plugin) {
        for setting in &mut plugin.settings {
            self.literal(&mut setting.value);
        }
    }

    fn literal(&mut self, literal: &mut Spanned<Literal>) {
        match &mut literal.node {
            Literal::String(text) => self.replace(text, literal.span),
            Literal::Array(elements) => elements.iter_mut().for_each(|value| self.literal(value)),
            Literal::Hash(entries) => {
                for (key, value) in entries {
                    if let Literal::String(key_text) = &key.node {
                        self.warn_unreplaced(key_text, key.span, "hash keys");
                    }
                    self.literal(value);
                }
            }
            Literal::Plugin(plugin) => self.plugin(plugin),
            Literal::Bareword(_) | Literal::Number(_) => {}
        }
    }

    fn condition(&mut self, condition: &mut Expr) {
        match condition {
            Expr::And(left, right)
            | Expr::Or(left, right)
            | Expr::Xor(left, right)
            | Expr::Nand(left, right) => {
                self.condition(left);
                self.condition(right);
            }
            Expr::Not(inner) => self.condition(inner),
            Expr::Compare { left, right, .. } => {
                self.operand(left);
                self.operand(right);
            }
            Expr::In {
                needle, haystack, ..
            } => {
                self.operand(needle);
                self.operand(haystack);
            }
            Expr::Match { value, pattern, .. } => {
                self.operand(value);
                if let Operand::Regex(text) | Operand::String(text) = &pattern.node {
                    self.warn_unreplaced(text, pattern.span, "patterns");
                }
            }
            Expr::Truthy(operand) => self.operand(operand),
        }
    }

    fn operand(&mut self, operand: &mut Spanned<Operand>) {
        match &mut operand.node {
            Operand::String(text) => self.replace(text, operand.span),
            Operand::Array(elements) => elements.iter_mut().for_each(|value| self.operand(value)),
            Operand::Field(text) => {
                self.warn_unreplaced(text, operand.span, "field references of conditions");
            }
            Operand::Number(_) | Operand::Regex(_) => {}
        }
    }

    /// Replaces the references in `text`, which was written at `span`.
    fn replace(&mut self, text: &mut String, span: Span) {
        let mut replaced = String::new();
        let mut copied = 0;
        // Where in the source to look for the next reference; escapes may have shifted it.
        let mut from = span.start;
        while let Some(reference) = Reference::find(text, copied) {
            let Reference { start, end, .. } = reference;
            let place = self.place(&text[start..end], from, span);
            from = place.end;
            replaced += &text[copied..start];
            match (self.lookup)(reference.name).or(reference.default.map(str::to_owned)) {
                Some(value) => replaced += &value,
                None => {
                    let name = reference.name;
                    self.diagnostics.push(
                        Diagnostic::error(place, format!("the variable `{name}` is not set"))
                            .label("it has no default either")
                            .help(format!("set {name} in the environment, or give a default: `${{{name}:value}}`")),
                    );
                    replaced += &text[start..end];
                }
            }
            copied = end;
        }
        if copied > 0 {
            replaced += &text[copied..];
            *text = replaced;
        }
    }

    fn warn_unreplaced(&mut self, text: &str, span: Span, place: &str) {
        if let Some(Reference { start, end, .. }) = Reference::find(text, 0) {
            let reference = &text[start..end];
            let place_span = self.place(reference, span.start, span);
            self.diagnostics.push(
                Diagnostic::warning(place_span, format!("`{reference}` stays as written in {place}"))
                    .help("Logstash replaces variables in option values and in the strings of conditions only"),
            );
        }
    }

    /// Where `reference` was written, from `from` on within `span`.
    fn place(&self, reference: &str, from: u32, span: Span) -> Span {
        let source = &self.sources.text(span.file)[from as usize..span.end as usize];
        match source.find(reference) {
            Some(offset) => {
                let start = from + offset as u32;
                let end = start + reference.len() as u32;
                Span { start, end, ..span }
            }
            None => span,
        }
    }
}

/// `${name}` or `${name:default}` in a text.
struct Reference<'t> {
    name: &'t str,
    default: Option<&'t str>,
    start: usize,
    end: usize,
}

impl<'t> Reference<'t> {
    /// The first reference at or after `from`. What only resembles one is plain text.
    fn find(text: &'t str, from: usize) -> Option<Self> {
        let mut from = from;
        loop {
            let start = from + text[from..].find("${")?;
            let inside = &text[start + 2..];
            let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            let name = &inside[..inside.find(|c| !valid(c)).unwrap_or(inside.len())];
            let after = &inside[name.len()..];
            if !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
                let after_name = start + 2 + name.len();
                if after.starts_with('}') {
                    return Some(Self {
                        name,
                        default: None,
                        start,
                        end: after_name + 1,
                    });
                }
                if let Some((default, _)) = after.strip_prefix(':').and_then(|d| d.split_once('}'))
                {
                    return Some(Self {
                        name,
                        default: Some(default),
                        start,
                        end: after_name + default.len() + 2,
                    });
                }
            }
            from = start + 2;
        }
    }
}
