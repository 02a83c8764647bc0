//! `split`, `scan`, `sub`, `gsub` and `format`.

use std::sync::Arc;

use crate::regex::{Options, Regex};
use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{MatchData, Obj, Val};

impl<'r> Run<'r, '_> {
    /// The pattern that an argument is: a string stands for itself.
    pub(super) fn pattern(&mut self, value: Option<Val>) -> Result<Regex, Flow> {
        let value = value.unwrap_or(Val::Nil);
        if let Some(Obj::Regex(regex, _)) = self.memory.heap.object(value) {
            return Ok(regex.clone());
        }
        let Some(text) = self.memory.heap.str(value).map(escape) else {
            let class = self.class_of(value).name();
            return self.raise(
                Class::TypeError,
                format!("wrong argument type {class} (expected Regexp)"),
            );
        };
        self.compiled(&text, Options::default())
    }

    pub(super) fn split(&mut self, text: &str, arguments: &[Val]) -> Eval {
        let limit = match arguments.get(1) {
            Some(Val::Int(limit)) => *limit,
            _ => 0,
        };
        let separator = arguments.first().copied().unwrap_or(Val::Nil);
        let mut parts: Vec<String> = Vec::new();
        let most = if limit > 0 {
            limit as usize
        } else {
            usize::MAX
        };
        match self.memory.heap.str(separator).map(str::to_owned) {
            Some(separator) if separator != " " && !separator.is_empty() => {
                parts = text.splitn(most, &separator).map(str::to_owned).collect();
            }
            None if !separator.is_nil() => {
                let regex = self.pattern(Some(separator))?;
                let shared: Arc<str> = text.into();
                let (mut start, mut from) = (0, 0);
                while from <= text.len() && parts.len() + 1 < most {
                    let Some((begin, end)) = self.search(&regex, text, from)? else {
                        break;
                    };
                    let found = self.keep_match(&regex, &shared);
                    if begin == end {
                        let next = text[end..].chars().next().map_or(1, char::len_utf8);
                        from = end + next;
                        if end == start || end >= text.len() {
                            if from >= text.len() {
                                break;
                            }
                            if end == start {
                                continue;
                            }
                        }
                    } else {
                        from = end;
                    }
                    parts.push(text[start..begin].to_owned());
                    let groups = (1..found.spans.len()).filter_map(|group| found.group(group));
                    parts.extend(groups.map(str::to_owned));
                    start = end;
                }
                parts.push(text[start..].to_owned());
            }
            Some(separator) if separator.is_empty() => {
                parts = text.chars().map(|c| c.to_string()).collect();
            }
            _ => {
                let mut rest = text.trim_start();
                while !rest.is_empty() {
                    if parts.len() + 1 >= most {
                        parts.push(rest.to_owned());
                        break;
                    }
                    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    parts.push(rest[..end].to_owned());
                    rest = rest[end..].trim_start();
                }
            }
        }
        if text.is_empty() {
            parts.clear();
        }
        if limit == 0 {
            while parts.last().is_some_and(String::is_empty) {
                parts.pop();
            }
        }
        self.steps(parts.len())?;
        let values = parts
            .into_iter()
            .map(|part| self.new_string(part))
            .collect();
        Ok(self.new_array(values))
    }

    pub(super) fn substitution(
        &mut self,
        text: &str,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Eval {
        let regex = self.pattern(arguments.first().copied())?;
        let replacement = match arguments.get(1) {
            Some(&value) => match self.memory.heap.str(value) {
                Some(text) => Some(Ok(text.to_owned())),
                None if self.memory.heap.hash(value).is_some() => Some(Err(value)),
                None => return self.raise(Class::TypeError, "no implicit conversion into String"),
            },
            None => None,
        };
        let mut out = String::new();
        let mut list = Vec::new();
        let (mut copied, mut from) = (0, 0);
        let shared: Arc<str> = text.into();
        self.last_match = Val::Nil;
        while from <= text.len() {
            let Some((start, end)) = self.search(&regex, text, from)? else {
                break;
            };
            let found = self.keep_match(&regex, &shared);
            let before = out.len();
            out.push_str(&text[copied..start]);
            copied = end;
            from = if start == end {
                end + text[end..].chars().next().map_or(1, char::len_utf8)
            } else {
                end
            };
            if method == M::Scan {
                let value = self.scanned(&found);
                if block.given() {
                    self.call_block(block, &[value])?;
                } else {
                    list.push(value);
                }
                continue;
            }
            match &replacement {
                Some(Ok(template)) => push_template(&mut out, template, &found),
                Some(Err(hash)) => {
                    let key = self.new_str(&text[start..end]);
                    let value = self
                        .memory
                        .heap
                        .hash(*hash)
                        .and_then(|hash| self.memory.heap.lookup(hash, key));
                    out.push_str(&self.text_of(value.unwrap_or(Val::Nil))?);
                }
                None => {
                    let matched = self.new_str(&text[start..end]);
                    let value = self.call_block(block, &[matched])?;
                    out.push_str(&self.text_of(value)?);
                }
            }
            self.steps((out.len() - before) / 64)?;
            if method == M::SubNamed {
                break;
            }
        }
        if method == M::Scan {
            return Ok(self.new_array(list));
        }
        out.push_str(&text[copied..]);
        Ok(self.new_string(out))
    }

    /// What `scan` gives for a match: the text, or the groups.
    fn scanned(&mut self, found: &MatchData) -> Val {
        if found.spans.len() == 1 {
            return self.new_str(found.group(0).unwrap_or(""));
        }
        let groups = (1..found.spans.len()).map(|group| match found.group(group) {
            Some(text) => self.new_str(text),
            None => Val::Nil,
        });
        let groups = groups.collect();
        self.new_array(groups)
    }

    /// `format` and `%`
    pub(super) fn format(&mut self, format: Val, arguments: &[Val]) -> Eval {
        let format = self.text_of(format)?;
        let mut out = String::new();
        let mut next = arguments.iter().copied();
        let mut characters = format.chars().peekable();
        while let Some(c) = characters.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut flags = String::new();
            let mut named = None;
            while let Some(&flag) = characters.peek() {
                match flag {
                    '-' | '0' | '+' | ' ' | '#' => flags.push(flag),
                    '<' | '{' => {
                        characters.next();
                        let close = if flag == '<' { '>' } else { '}' };
                        let name: String =
                            characters.by_ref().take_while(|c| *c != close).collect();
                        let key = self.new_symbol(&name);
                        let hash = arguments.first().copied().unwrap_or(Val::Nil);
                        named = self
                            .memory
                            .heap
                            .hash(hash)
                            .and_then(|hash| self.memory.heap.lookup(hash, key));
                        if flag == '{' {
                            out.push_str(&self.text_of(named.unwrap_or(Val::Nil))?);
                            break;
                        }
                        continue;
                    }
                    _ => break,
                }
                characters.next();
            }
            if named.is_some()
                && format.contains("%{")
                && characters
                    .peek()
                    .is_none_or(|c| !c.is_ascii_digit() && *c != '.')
            {
                continue;
            }
            let digits = |characters: &mut std::iter::Peekable<std::str::Chars<'_>>| {
                let mut number = String::new();
                while let Some(digit) = characters.next_if(char::is_ascii_digit) {
                    number.push(digit);
                }
                number
                    .parse::<usize>()
                    .ok()
                    .map(|number| number.min(10_000))
            };
            let width = digits(&mut characters).unwrap_or(0);
            let precision = characters
                .next_if_eq(&'.')
                .map(|_| digits(&mut characters).unwrap_or(0));
            let Some(kind) = characters.next() else {
                return self.raise(
                    Class::ArgumentError,
                    "incomplete format specifier; use %% (double %) instead",
                );
            };
            if kind == '%' {
                out.push('%');
                continue;
            }
            let Some(value) = named.or_else(|| next.next()) else {
                return self.raise(Class::ArgumentError, "too few arguments");
            };
            self.steps(1 + (width + precision.unwrap_or(0)) / 64)?;
            let body = self.formatted(kind, value, precision)?;
            push_padded(&mut out, &body, &flags, width, kind);
        }
        Ok(self.new_string(out))
    }

    fn formatted(
        &mut self,
        kind: char,
        value: Val,
        precision: Option<usize>,
    ) -> Result<String, Flow> {
        Ok(match kind {
            'd' | 'i' | 'u' => {
                let number = match value {
                    Val::Float(number) => self.float_to_int(number.floor())?,
                    other => self.integer_of(other, None)?,
                };
                self.text_of(number)?
            }
            'f' | 'e' | 'g' => {
                let number = self.float_of(value)?;
                let number = self.memory.heap.float(number).unwrap_or(0.0);
                match kind {
                    'f' => format!("{number:.*}", precision.unwrap_or(6).min(100)),
                    'e' => {
                        let text = format!("{number:.*e}", precision.unwrap_or(6).min(100));
                        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                        let exponent: i32 = exponent.parse().unwrap_or(0);
                        let sign = if exponent < 0 { '-' } else { '+' };
                        format!("{mantissa}e{sign}{:02}", exponent.abs())
                    }
                    _ => format!("{number}"),
                }
            }
            'x' | 'X' | 'o' | 'b' | 'B' => {
                let radix = match kind {
                    'x' | 'X' => 16,
                    'o' => 8,
                    _ => 2,
                };
                let number = self.integer_of(value, None)?;
                let text = self
                    .memory
                    .heap
                    .big(number)
                    .unwrap_or_default()
                    .to_str_radix(radix);
                if kind == 'X' {
                    text.to_uppercase()
                } else {
                    text
                }
            }
            's' => {
                let text = self.text_of(value)?;
                precision.map_or(text.clone(), |length| text.chars().take(length).collect())
            }
            'p' => self.inspect(value)?,
            'c' => match value {
                Val::Int(code) => u32::try_from(code)
                    .ok()
                    .and_then(char::from_u32)
                    .unwrap_or('?')
                    .to_string(),
                other => self.text_of(other)?.chars().take(1).collect(),
            },
            other => {
                return self.raise(
                    Class::ArgumentError,
                    format!("malformed format string - %{other}"),
                );
            }
        })
    }
}

fn push_padded(out: &mut String, body: &str, flags: &str, width: usize, kind: char) {
    let numeric = kind != 's' && kind != 'p' && kind != 'c';
    let (sign, digits) = match body.strip_prefix('-') {
        Some(digits) if numeric => ("-", digits),
        _ if numeric && flags.contains('+') => ("+", body),
        _ if numeric && flags.contains(' ') => (" ", body),
        _ => ("", body),
    };
    let prefix = match kind {
        'x' if flags.contains('#') => "0x",
        'b' if flags.contains('#') => "0b",
        _ => "",
    };
    let missing = width.saturating_sub(sign.len() + prefix.len() + digits.chars().count());
    if flags.contains('-') {
        out.extend([sign, prefix, digits, &" ".repeat(missing)]);
    } else if flags.contains('0') && numeric {
        out.extend([sign, prefix, &"0".repeat(missing), digits]);
    } else {
        out.extend([&" ".repeat(missing), sign, prefix, digits]);
    }
}

/// Appends a replacement with its `\1`, `\0`, `\k<name>`, `\\`.
fn push_template(out: &mut String, template: &str, found: &MatchData) {
    let mut characters = template.chars().peekable();
    while let Some(c) = characters.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match characters.next() {
            Some(digit @ '0'..='9') => {
                out.push_str(found.group(digit as usize - '0' as usize).unwrap_or(""))
            }
            Some('&') => out.push_str(found.group(0).unwrap_or("")),
            Some('k') if characters.peek() == Some(&'<') => {
                let name: String = characters
                    .by_ref()
                    .skip(1)
                    .take_while(|c| *c != '>')
                    .collect();
                let group = found.named(&name).and_then(|group| found.group(group));
                out.push_str(group.unwrap_or(""));
            }
            Some('\\') | None => out.push('\\'),
            Some(other) => out.extend(['\\', other]),
        }
    }
}

/// `Regexp.escape`
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            ' ' | '.' | '*' | '?' | '+' | '^' | '$' | '|' | '\\' | '(' | ')' | '[' | ']' | '{'
            | '}' | '-' | '#' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}
