//! Methods of strings and symbols.

mod change;
mod characters;

use characters::{CharSet, char_span, position, translate};
pub(super) use characters::{range_span, successor};

use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Text, Val};

impl<'r> Run<'r, '_> {
    pub(super) fn string(
        &mut self,
        receiver: Val,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        let Some(text) = self.memory.heap.str(receiver).map(str::to_owned) else {
            return self.bytes_method(receiver, method, arguments);
        };
        self.steps(1 + text.len() / 256)?;
        if let Some(changed) = changing(method) {
            return self.change(receiver, &text, changed, arguments, block);
        }
        if let Some(changed) = simple(&text, method) {
            return Ok(Some(self.new_string(changed)));
        }
        let first = arguments.first().copied();
        let named = match first {
            Some(value) => self.memory.heap.name(value).map(str::to_owned),
            None => None,
        };
        Ok(Some(match (method, named.as_deref(), arguments.len()) {
            (M::Length | M::Size, _, 0) => Val::Int(text.chars().count() as i64),
            (M::Bytesize, _, 0) => Val::Int(text.len() as i64),
            (M::EmptyP, _, 0) => Val::bool(text.is_empty()),
            (M::ToS | M::ToStr, _, 0) => receiver,
            (M::ToSym | M::Intern, _, 0) => self.new_symbol(&text),
            (M::ToI, _, 0) => self.text_to_int(&text, 10)?,
            (M::ToI, _, 1) => match first {
                Some(Val::Int(radix)) if (2..=36).contains(&radix) => {
                    self.text_to_int(&text, radix as u32)?
                }
                _ => return self.raise(Class::ArgumentError, "invalid radix"),
            },
            (M::Hex, _, 0) => self.text_to_int(&text, 16)?,
            (M::Oct, _, 0) => self.text_to_int(&text, 8)?,
            (M::ToF, _, 0) => self.text_to_float(&text),
            (M::Ord, _, 0) => match text.chars().next() {
                Some(character) => Val::Int(i64::from(u32::from(character))),
                None => return self.raise(Class::ArgumentError, "empty string"),
            },
            (M::Add, Some(other), 1) => self.new_string(text + other),
            (M::Add, None, 1) => match first.and_then(|one| self.memory.heap.text(one)) {
                Some(other) => {
                    let joined = [text.as_bytes(), other.bytes()].concat();
                    self.heap().add(Obj::Str(Text::from_utf8(joined)))
                }
                None => return self.no_conversion(first, "String"),
            },
            (M::Mul, None, 1) => match first {
                Some(Val::Int(count)) if count >= 0 => {
                    self.steps(text.len().saturating_mul(count as usize) / 16)?;
                    self.new_string(text.repeat(count as usize))
                }
                _ => {
                    return self.raise(Class::ArgumentError, "argument must be a positive integer");
                }
            },
            (M::Rem, _, 1) => {
                let list = first.unwrap_or(Val::Nil);
                let values = self
                    .memory
                    .heap
                    .array(list)
                    .map_or(vec![list], <[Val]>::to_vec);
                return self.format(receiver, &values).map(Some);
            }
            (M::IncludeP, Some(part), 1) => Val::bool(text.contains(part)),
            (M::StartWithP | M::EndWithP, ..) => {
                for &part in arguments {
                    let holds = match self.memory.heap.object(part) {
                        Some(Obj::Regex(regex, _)) => {
                            let regex = regex.clone();
                            self.find(&regex, &text, 0)?.is_some_and(|span| span.0 == 0)
                        }
                        _ => {
                            let part = self.memory.heap.name(part).unwrap_or("\0");
                            if method == M::StartWithP {
                                text.starts_with(part)
                            } else {
                                text.ends_with(part)
                            }
                        }
                    };
                    if holds {
                        return Ok(Some(Val::True));
                    }
                }
                Val::False
            }
            (M::DeletePrefix, Some(part), 1) => {
                self.new_str(text.strip_prefix(part).unwrap_or(&text))
            }
            (M::DeleteSuffix, Some(part), 1) => {
                self.new_str(text.strip_suffix(part).unwrap_or(&text))
            }
            (M::Chomp, _, 0) => {
                let chomped = text
                    .strip_suffix("\r\n")
                    .or_else(|| text.strip_suffix(['\n', '\r']));
                self.new_str(chomped.unwrap_or(&text))
            }
            (M::Succ | M::Next, _, 0) => {
                let next = successor(&text);
                self.new_string(next)
            }
            (M::Upto, Some(last), 1) => {
                let list = self.text_range(&text, last, false)?;
                if !block.given() {
                    return Ok(Some(self.heap().add(Obj::Enumerator(list))));
                }
                for value in list {
                    self.call_block(block, &[value])?;
                }
                receiver
            }
            (M::Sum, _, 0) => Val::Int(text.bytes().map(i64::from).sum::<i64>() & 0xFFFF),
            (M::Encoding, _, 0) => self.new_str("UTF-8"),
            (M::Codepoints, _, 0) => {
                let values = text.chars().map(|c| Val::Int(i64::from(u32::from(c))));
                let values = values.collect();
                self.new_array(values)
            }
            (M::EachByte, _, 0) if block.given() => {
                for byte in text.bytes() {
                    self.call_block(block, &[Val::Int(byte.into())])?;
                }
                receiver
            }
            (M::Unpack | M::Unpack1, Some(format), _) => {
                return self.unpack(text.as_bytes(), format, method).map(Some);
            }
            (M::ParseCsv, _, _) => return self.parse_csv(&text).map(Some),
            (M::Chomp, Some(part), 1) => self.new_str(text.strip_suffix(part).unwrap_or(&text)),
            (M::IndexNamed, Some(part), 1) => position(&text, text.find(part)),
            (M::Rindex, Some(part), 1) => position(&text, text.rfind(part)),
            (M::IndexNamed, _, 2) => match arguments[1] {
                Val::Int(from) => {
                    let count = text.chars().count() as i64;
                    let from = if from < 0 { from + count } else { from };
                    match char_span(&text, from, 0) {
                        None => Val::Nil,
                        Some((start, _)) => match named {
                            Some(part) => {
                                position(&text, text[start..].find(&part).map(|at| at + start))
                            }
                            None => {
                                let regex = self.pattern(first)?;
                                let found = self.find(&regex, &text, start)?;
                                position(&text, found.map(|span| span.0))
                            }
                        },
                    }
                }
                _ => return self.no_conversion(arguments.get(1).copied(), "Integer"),
            },
            (M::IndexNamed, None, 1) => {
                let regex = self.pattern(first)?;
                let found = self.find(&regex, &text, 0)?;
                position(&text, found.map(|span| span.0))
            }
            (M::Chars, _, 0) => {
                let values = text
                    .chars()
                    .map(|c| self.new_string(c.to_string()))
                    .collect();
                self.new_array(values)
            }
            (M::EachChar, _, 0) if !block.given() => {
                let values = text
                    .chars()
                    .map(|c| self.new_string(c.to_string()))
                    .collect();
                self.heap().add(Obj::Enumerator(values))
            }
            (M::EachChar, _, 0) => {
                for character in text.chars() {
                    let value = self.new_string(character.to_string());
                    self.call_block(block, &[value])?;
                }
                receiver
            }
            (M::Bytes, _, 0) => {
                let values = text.bytes().map(|byte| Val::Int(i64::from(byte))).collect();
                self.new_array(values)
            }
            (M::Lines | M::EachLine, _, 0) => {
                let values: Vec<Val> = text
                    .split_inclusive('\n')
                    .map(|line| self.new_str(line))
                    .collect();
                if block.given() {
                    for value in values {
                        self.call_block(block, &[value])?;
                    }
                    return Ok(Some(receiver));
                }
                self.new_array(values)
            }
            (M::Center | M::Ljust | M::Rjust, ..) => self.justify(&text, method, arguments)?,
            (M::Count, Some(set), 1) => {
                let set = self.char_set(set, &text)?;
                Val::Int(text.chars().filter(|c| set.contains(*c)).count() as i64)
            }
            (M::Delete, Some(set), 1) => {
                let set = self.char_set(set, &text)?;
                let kept: String = text.chars().filter(|c| !set.contains(*c)).collect();
                self.new_string(kept)
            }
            (M::Squeeze, ..) => {
                let set = match &named {
                    Some(set) => Some(self.char_set(set, &text)?),
                    None => None,
                };
                let mut out = String::new();
                for c in text.chars() {
                    let squeezed =
                        out.ends_with(c) && set.as_ref().is_none_or(|set| set.contains(c));
                    if !squeezed {
                        out.push(c);
                    }
                }
                self.new_string(out)
            }
            (M::Tr, Some(from), 2) => {
                let to = self.memory.heap.name(arguments[1]).unwrap_or("").to_owned();
                let set = self.char_set(from, &text)?;
                let out = translate(&text, &set, &to);
                self.new_string(out)
            }
            (M::Casecmp, Some(other), 1) => {
                Val::Int(text.to_ascii_lowercase().cmp(&other.to_ascii_lowercase()) as i64)
            }
            (M::CasecmpP, Some(other), 1) => Val::bool(text.to_lowercase() == other.to_lowercase()),
            (M::Split, ..) => self.split(&text, arguments)?,
            (M::Scan | M::Gsub | M::SubNamed, ..) => {
                return self.substitution(&text, method, arguments, block).map(Some);
            }
            (M::Match_ | M::Match | M::MatchP, ..) => {
                let regex = match named {
                    Some(pattern) => {
                        let made = self.new_regex(&pattern, Default::default(), "")?;
                        self.pattern(Some(made))?
                    }
                    None => self.pattern(first)?,
                };
                self.matches(&regex, &text, method)?
            }
            (M::Index | M::Slice, ..) => self.index(&text, arguments)?,
            (M::Partition | M::Rpartition, Some(part), 1) => {
                let at = if method == M::Partition {
                    text.find(part)
                } else {
                    text.rfind(part)
                };
                let parts = match at {
                    Some(at) => [&text[..at], part, &text[at + part.len()..]],
                    None if method == M::Partition => [&text[..], "", ""],
                    None => ["", "", &text[..]],
                };
                let values = parts.map(|part| self.new_str(part)).to_vec();
                self.new_array(values)
            }
            (M::ForceEncoding | M::Encode | M::Scrub | M::B, ..) => self.new_string(text),
            (M::ValidEncodingP, _, 0) => Val::True,
            (M::AsciiOnlyP, _, 0) => Val::bool(text.is_ascii()),
            _ => return Ok(None),
        }))
    }

    /// A set of characters in which those of a text are looked up, for the steps that this takes.
    fn char_set(&mut self, set: &str, text: &str) -> Result<CharSet, Flow> {
        let set = CharSet::new(set);
        self.steps(text.len().saturating_mul(set.len()) / 256)?;
        Ok(set)
    }

    fn no_conversion<T>(&mut self, value: Option<Val>, into: &str) -> Result<T, Flow> {
        let what = match value {
            None | Some(Val::Nil) => "nil".to_owned(),
            Some(value) => self.class_of(value).name().to_owned(),
        };
        self.raise(
            Class::TypeError,
            format!("no implicit conversion of {what} into {into}"),
        )
    }

    fn overwrite(&mut self, receiver: Val, new: Text) -> Result<(), Flow> {
        self.steps(new.bytes().len() / 256)?;
        if self.heap().replace(receiver, Obj::Str(new)) {
            return Ok(());
        }
        self.raise(Class::FrozenError, "can't modify frozen String")
    }

    /// `s['a'] = 'b'`
    fn string_index_set(&mut self, receiver: Val, text: &str, arguments: &[Val]) -> Eval {
        let value = arguments.last().copied().unwrap_or(Val::Nil);
        let new = self.text_of(value)?;
        let span = match arguments {
            [Val::Int(index), _] => char_span(text, *index, 1),
            [Val::Int(start), Val::Int(length), _] => char_span(text, *start, *length),
            [part, _] => match self.memory.heap.str(*part) {
                Some(part) => text.find(part).map(|at| (at, at + part.len())),
                None => {
                    let regex = self.pattern(Some(*part))?;
                    self.find(&regex, text, 0)?
                }
            },
            _ => None,
        };
        let Some((start, end)) = span else {
            return self.raise(Class::IndexError, "string not matched");
        };
        let changed = format!("{}{new}{}", &text[..start], &text[end..]);
        self.overwrite(receiver, Text::Utf8(changed))?;
        Ok(value)
    }

    fn justify(&mut self, text: &str, method: M, arguments: &[Val]) -> Eval {
        let width = match arguments.first() {
            Some(Val::Int(width)) => (*width).clamp(0, 1 << 20) as usize,
            _ => return self.raise(Class::TypeError, "no implicit conversion into Integer"),
        };
        let pad = match arguments.get(1) {
            Some(&pad) => self.text_of(pad)?,
            None => " ".to_owned(),
        };
        if pad.is_empty() {
            return self.raise(Class::ArgumentError, "zero width padding");
        }
        let missing = width.saturating_sub(text.chars().count());
        let left = match method {
            M::Ljust => 0,
            M::Rjust => missing,
            _ => missing / 2,
        };
        let fill = |count: usize| pad.chars().cycle().take(count).collect::<String>();
        let out = format!("{}{text}{}", fill(left), fill(missing - left));
        Ok(self.new_string(out))
    }

    /// `s[...]`
    fn index(&mut self, text: &str, arguments: &[Val]) -> Eval {
        let span = match arguments {
            [Val::Int(index)] => char_span(text, *index, 1).filter(|span| span.0 < span.1),
            [Val::Int(start), Val::Int(length)] => char_span(text, *start, *length),
            [value, rest @ ..] => match self.memory.heap.object(*value).cloned() {
                Some(Obj::Str(part)) => {
                    let part = part.to_event_text().into_owned();
                    return Ok(if text.contains(&part) {
                        self.new_string(part)
                    } else {
                        Val::Nil
                    });
                }
                Some(Obj::Range {
                    first,
                    last,
                    exclusive,
                }) => {
                    let length = text.chars().count();
                    match range_span(first, last, exclusive, length) {
                        Some((start, end)) => char_span(text, start as i64, (end - start) as i64),
                        None => None,
                    }
                }
                Some(Obj::Regex(regex, _)) => {
                    let found = self.find(&regex, text, 0)?;
                    match (found, rest.first()) {
                        (Some(_), Some(group)) => {
                            let found = self.last_match;
                            return self.send(found, M::Index, &[*group], Block::None);
                        }
                        (found, _) => found,
                    }
                }
                _ => return self.no_conversion(Some(*value), "Integer"),
            },
            [] => None,
        };
        Ok(match span {
            Some((start, end)) => self.new_str(&text[start..end]),
            None => Val::Nil,
        })
    }

    pub(super) fn symbol(
        &mut self,
        name: String,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        Ok(Some(match method {
            M::ToSym => self.new_symbol(&name),
            M::ToProc => {
                let symbol = self.new_symbol(&name);
                let block = self.block_of(symbol)?;
                self.proc_of(block, true)
            }
            M::Length
            | M::Size
            | M::EmptyP
            | M::Index
            | M::StartWithP
            | M::EndWithP
            | M::MatchP
            | M::Match_ => {
                let text = self.new_string(name);
                return self.string(text, method, arguments, block);
            }
            M::Upcase | M::Downcase | M::Capitalize => match simple(&name, method) {
                Some(changed) => self.new_symbol(&changed),
                None => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }
}

/// What a method that changes the string computes.
fn changing(method: M) -> Option<M> {
    Some(match method {
        M::Shl | M::Concat | M::Prepend | M::Replace | M::Clear | M::IndexSet | M::Insert => method,
        M::SuccBang | M::NextBang => M::Succ,
        M::SwapcaseBang => M::Swapcase,
        M::DeleteBang => M::Delete,
        M::UpcaseBang => M::Upcase,
        M::DowncaseBang => M::Downcase,
        M::CapitalizeBang => M::Capitalize,
        M::StripBang => M::Strip,
        M::LstripBang => M::Lstrip,
        M::RstripBang => M::Rstrip,
        M::ChompBang => M::Chomp,
        M::ChopBang => M::Chop,
        M::GsubBang => M::Gsub,
        M::SubBang => M::SubNamed,
        M::TrBang => M::Tr,
        M::SqueezeBang => M::Squeeze,
        M::ReverseBang => M::Reverse,
        M::DeletePrefixBang => M::DeletePrefix,
        M::DeleteSuffixBang => M::DeleteSuffix,
        M::ForceEncoding => return None,
        _ => return None,
    })
}

/// Methods without arguments that make a string of a string.
fn simple(text: &str, method: M) -> Option<String> {
    let space = |c: char| matches!(c, ' ' | '\t'..='\r' | '\0');
    Some(match method {
        M::Upcase => text.to_uppercase(),
        M::Downcase => text.to_lowercase(),
        M::Capitalize => {
            let mut characters = text.chars();
            let first: String = characters
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .collect();
            first + &characters.as_str().to_lowercase()
        }
        M::Swapcase => text
            .chars()
            .map(|c| {
                if c.is_lowercase() {
                    c.to_uppercase().to_string()
                } else {
                    c.to_lowercase().to_string()
                }
            })
            .collect(),
        M::Strip => text
            .trim_end_matches(space)
            .trim_start_matches(space)
            .to_owned(),
        M::Lstrip => text.trim_start_matches(space).to_owned(),
        M::Rstrip => text.trim_end_matches(space).to_owned(),
        M::Chop => {
            let mut characters = text.chars();
            characters.next_back();
            characters.as_str().to_owned()
        }
        M::Reverse => text.chars().rev().collect(),
        _ => return None,
    })
}
