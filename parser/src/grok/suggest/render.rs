//! Writes a template as a pattern: which parts become fields, of which type and name, and which are literal.

use std::collections::HashSet;

use super::template::{Slot, Template};
use super::token::{Kind, STOCK, own_definition};
use crate::grok::PatternSet;

/// So many words that vary, one after the other, are free text.
const FREE_WORDS: usize = 3;

/// Words that do not say what comes after them.
const STOP_WORDS: [&str; 18] = [
    "a", "an", "and", "as", "at", "by", "for", "from", "in", "is", "of", "on", "or", "the", "to",
    "was", "with", "HTTP",
];

/// The pattern of a template.
pub(super) fn pattern(template: &Template<'_>, set: PatternSet) -> String {
    let slots = with_free_text(&template.slots);
    let mut renderer = Renderer {
        slots: &slots,
        set,
        used: HashSet::new(),
        out: "^".to_owned(),
    };
    for at in 0..slots.len() {
        renderer.push(at);
    }
    renderer.out.push('$');
    renderer.out
}

/// The slots, with gaps in the place of many words that vary.
fn with_free_text<'l>(slots: &[Slot<'l>]) -> Vec<Slot<'l>> {
    let is_free = |slot: &Slot<'_>| {
        slot.is_gap || matches!(slot.kind, Kind::Word | Kind::Other) && !slot.is_constant
    };
    let mut out: Vec<Slot<'l>> = Vec::with_capacity(slots.len());
    let mut at = 0;
    while at < slots.len() {
        // A run of free words and the blanks between them.
        let mut end = at;
        let mut words = 0;
        let mut has_gap = false;
        while end < slots.len() && is_free(&slots[end]) {
            words += 1;
            has_gap |= slots[end].is_gap;
            let goes_on = slots
                .get(end + 1)
                .is_some_and(|slot| slot.kind == Kind::Space)
                && slots.get(end + 2).is_some_and(is_free);
            if !goes_on {
                end += 1;
                break;
            }
            end += 2;
        }
        if words >= FREE_WORDS || has_gap {
            out.push(Slot {
                kind: Kind::Other,
                text: "",
                is_constant: false,
                may_be_missing: false,
                is_gap: true,
            });
            at = end;
        } else {
            out.push(slots[at].clone());
            at += 1;
        }
    }
    // A gap takes in what varies right before it, and other gaps.
    let mut at = 1;
    while at < out.len() {
        if out[at].is_gap && is_free(&out[at - 1]) {
            out.remove(at - 1);
        } else {
            at += 1;
        }
    }
    out
}

struct Renderer<'r, 'l> {
    slots: &'r [Slot<'l>],
    set: PatternSet,
    used: HashSet<String>,
    out: String,
}

impl Renderer<'_, '_> {
    fn push(&mut self, at: usize) {
        let slot = &self.slots[at];
        let is_last = at + 1 == self.slots.len();
        if slot.is_gap {
            let (pattern, name) = match is_last {
                true => ("GREEDYDATA", "message"),
                false => ("DATA", "text"),
            };
            return self.push_field(pattern, name.to_owned(), "", false);
        }
        match slot.kind {
            Kind::Space if slot.is_constant && slot.text == " " => self.out.push(' '),
            Kind::Space if slot.is_constant && slot.text == "\t" => self.out.push_str("\\t"),
            Kind::Space if slot.text.bytes().all(|b| b == b' ') => self.out.push_str(" +"),
            Kind::Space => self.out.push_str("\\s+"),
            Kind::Mark | Kind::Missing => self.push_literal(slot.text),
            Kind::Word | Kind::Other | Kind::Unit | Kind::Source if self.is_literal(at) => {
                self.push_literal(slot.text);
            }
            Kind::Quoted(_) if slot.is_constant && self.is_mark(at + 1, ":") => {
                self.push_literal(slot.text); // a key of JSON
            }
            Kind::Quoted(quote) => self.push_quoted(at, quote),
            _ => self.push_value(at),
        }
    }

    /// Whether a word is part of the format, as far as one can tell.
    fn is_literal(&self, at: usize) -> bool {
        let slot = &self.slots[at];
        let begins_with_letter = slot.text.starts_with(char::is_alphabetic);
        let has_digit = slot.text.bytes().any(|b| b.is_ascii_digit());
        let is_value = at > 0 && self.is_mark(at - 1, "=") && self.key_of(at).is_some();
        slot.is_constant
            && !is_value
            && slot.kind != Kind::Source
            && !self.is_syslog_host(at)
            && (begins_with_letter || !has_digit)
    }

    /// Whether the word comes right after the time of a line of syslog.
    fn is_syslog_host(&self, at: usize) -> bool {
        let is_time = |slot: &Slot<'_>| match slot.kind {
            Kind::Stock(number) => {
                matches!(STOCK[number].pattern, "SYSLOGTIMESTAMP" | "CISCOTIMESTAMP")
            }
            _ => false,
        };
        at >= 2
            && self.slots[at - 1].kind == Kind::Space
            && is_time(&self.slots[at - 2])
            && matches!(self.slots[at].kind, Kind::Word | Kind::Other | Kind::Host)
            && self
                .slots
                .get(at + 1)
                .is_none_or(|next| next.kind == Kind::Space)
    }

    fn push_value(&mut self, at: usize) {
        let slot = &self.slots[at];
        let next = self.slots.get(at + 1);
        let ends_at_blank = next.is_none_or(|next| next.kind == Kind::Space);
        let (pattern, coercion) = match slot.kind {
            _ if self.is_syslog_host(at) => ("SYSLOGHOST", ""),
            Kind::Stock(number) => (STOCK[number].pattern, ""),
            Kind::Integer => ("INT", ":int"),
            Kind::Float => ("NUMBER", ":float"),
            Kind::Level => ("LOGLEVEL", ""),
            Kind::Method | Kind::Word | Kind::Unit => ("WORD", ""),
            Kind::Host => ("HOSTNAME", ""),
            Kind::IpOrHost => ("IPORHOST", ""),
            _ if ends_at_blank => ("NOTSPACE", ""),
            _ => ("DATA", ""),
        };
        let name = self.name_of(at);
        self.push_field(pattern, name, coercion, slot.may_be_missing);
    }

    fn push_quoted(&mut self, at: usize, quote: char) {
        let slot = &self.slots[at];
        let name = self.unused(self.name_of(at));
        let inside = match slot.text.contains('\\') {
            true => format!("(?<{name}>(?:[^{quote}\\\\]|\\\\.)*)"),
            false => format!("%{{DATA:{name}}}"),
        };
        self.out += &format!("{quote}{inside}{quote}");
    }

    fn push_field(&mut self, pattern: &str, name: String, coercion: &str, may_be_missing: bool) {
        let name = match name.is_empty() {
            true => name,
            false => self.unused(name),
        };
        let field = match own_definition(pattern) {
            _ if name.is_empty() => format!("%{{{pattern}}}"),
            Some(definition) => format!("(?<{name}>{definition})"),
            None => format!("%{{{pattern}:{name}{coercion}}}"),
        };
        match may_be_missing {
            true => self.out += &format!("(?:{field}|-)"),
            false => self.out += &field,
        }
    }

    fn push_literal(&mut self, text: &str) {
        for character in text.chars() {
            if "\\.[]{}()*+?|^$".contains(character) {
                self.out.push('\\');
            }
            self.out.push(character);
        }
    }

    /// A name that is not taken yet: with a number behind it, if need be.
    fn unused(&mut self, name: String) -> String {
        let numbered = |number: usize| match name.strip_suffix(']') {
            Some(open) => format!("{open}{number}]"),
            None => format!("{name}{number}"),
        };
        let mut unused = name.clone();
        let mut number = 2;
        while !self.used.insert(unused.clone()) {
            unused = numbered(number);
            number += 1;
        }
        unused
    }

    fn is_mark(&self, at: usize, text: &str) -> bool {
        self.slots
            .get(at)
            .is_some_and(|slot| slot.kind == Kind::Mark && slot.text == text)
    }

    fn ecs(&self, ecs: &str, legacy: &str) -> String {
        match self.set {
            PatternSet::EcsV1 => ecs.to_owned(),
            PatternSet::Legacy => legacy.to_owned(),
        }
    }

    /// The field that a value goes into.
    fn name_of(&self, at: usize) -> String {
        let slot = &self.slots[at];
        if self.is_syslog_host(at) {
            return self.ecs("[host][hostname]", "logsource");
        }
        if slot.kind == Kind::Integer && at >= 2 && self.slots[at - 2].kind == Kind::Source {
            return self.ecs("[log][origin][file][line]", "line");
        }
        if let Some(key) = self.key_of(at) {
            return key;
        }
        let is_within = |open: &str, close: &str| {
            at > 0 && self.is_mark(at - 1, open) && self.is_mark(at + 1, close)
        };
        if slot.kind == Kind::Integer && is_within("[", "]") {
            return self.ecs("[process][pid]", "pid");
        }
        if slot.kind == Kind::Integer && is_within("<", ">") && at == 1 {
            return self.ecs("[log][syslog][priority]", "priority");
        }
        if matches!(slot.kind, Kind::Word | Kind::Other)
            && self.is_mark(at + 1, "[")
            && self
                .slots
                .get(at + 2)
                .is_some_and(|pid| pid.kind == Kind::Integer)
        {
            return self.ecs("[process][name]", "program");
        }
        let word = self.word_before(at);
        match slot.kind {
            Kind::Stock(number) => {
                let [ecs, legacy] = STOCK[number].field;
                match (STOCK[number].pattern, word.as_deref()) {
                    ("IP", Some("to")) => self.ecs("[destination][ip]", "destination"),
                    _ => self.ecs(ecs, legacy),
                }
            }
            Kind::Level => self.ecs("[log][level]", "loglevel"),
            Kind::Method => self.ecs("[http][request][method]", "verb"),
            Kind::Source => self.ecs("[log][origin][file][name]", "file"),
            Kind::IpOrHost => self.ecs("[source][address]", "clienthost"),
            Kind::Float if self.is_mark(at.wrapping_sub(1), "/") => {
                self.ecs("[http][version]", "httpversion")
            }
            Kind::Integer if self.is_status(at) => {
                self.ecs("[http][response][status_code]", "response")
            }
            Kind::Integer if at > 1 && self.is_status(at - 2) => {
                self.ecs("[http][response][body][bytes]", "bytes")
            }
            kind => match word.filter(|word| !STOP_WORDS.contains(&word.as_str())) {
                Some(word) => word,
                None => self.plain_name(kind, at).to_owned(),
            },
        }
    }

    /// A name that only says what kind of thing it is.
    fn plain_name(&self, kind: Kind, at: usize) -> &'static str {
        let unit = self
            .slots
            .get(at + 1)
            .filter(|next| next.kind == Kind::Unit);
        match (kind, unit.map(|unit| unit.text)) {
            (_, Some("ms" | "s" | "us" | "µs" | "ns" | "min" | "h")) => "duration",
            (_, Some("B" | "KB" | "kB" | "MB" | "GB" | "KiB" | "MiB" | "GiB" | "b")) => "size",
            (_, Some("%")) => "percent",
            (Kind::Integer | Kind::Float, _) => "number",
            (Kind::Host, _) => "hostname",
            (Kind::Quoted(_), _) => "text",
            (Kind::Unit, _) => "unit",
            (Kind::Word, _) => "word",
            _ => "value",
        }
    }

    /// Whether the number comes right after a quoted request.
    fn is_status(&self, at: usize) -> bool {
        let is = |back: usize, kind: fn(Kind) -> bool| {
            at.checked_sub(back)
                .is_some_and(|at| kind(self.slots[at].kind))
        };
        self.slots
            .get(at)
            .is_some_and(|slot| slot.kind == Kind::Integer)
            && is(1, |kind| kind == Kind::Space)
            && at >= 3
            && self.is_mark(at - 2, "\"")
            && is(3, |kind| kind == Kind::Float)
    }

    /// The key before a value: `key=value`, `key: value` or `"key": value`.
    fn key_of(&self, at: usize) -> Option<String> {
        let before = match self.slots.get(at.checked_sub(1)?)?.kind {
            Kind::Space => at.checked_sub(2)?,
            _ => at - 1,
        };
        let mark = &self.slots[before];
        if mark.kind != Kind::Mark || !matches!(mark.text, "=" | ":") {
            return None;
        }
        let key = self.slots.get(before.checked_sub(1)?)?;
        let is_name = matches!(key.kind, Kind::Word | Kind::Other) && key.is_constant;
        match key.kind {
            Kind::Quoted(_) if key.is_constant => name_from(key.text),
            _ if is_name => name_from(key.text),
            _ => None,
        }
    }

    /// The word before a value, as in `took 12`.
    fn word_before(&self, at: usize) -> Option<String> {
        let space = self.slots.get(at.checked_sub(1)?)?;
        let word = self.slots.get(at.checked_sub(2)?)?;
        (space.kind == Kind::Space && word.kind == Kind::Word && word.is_constant)
            .then(|| name_from(word.text))?
    }
}

/// A field name from a word of the line.
fn name_from(text: &str) -> Option<String> {
    let is_good = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let name: String = text.chars().filter(is_good).collect();
    let name = name.trim_matches(['.', '-']);
    let has_letter = name.bytes().any(|b| b.is_ascii_alphabetic());
    (has_letter && name.len() <= 40).then(|| name.to_owned())
}
