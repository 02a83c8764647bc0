//! Strings that are changed, and strings that are not text.

use super::characters::char_span;
use crate::ruby::class::Class;
use crate::ruby::interp::{Block, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, Text, Val};

impl<'r> Run<'r, '_> {
    /// Strings that are not UTF-8.
    pub(super) fn bytes_method(
        &mut self,
        receiver: Val,
        method: M,
        arguments: &[Val],
    ) -> Result<Option<Val>, Flow> {
        let Some(text) = self.memory.heap.text(receiver).cloned() else {
            return Ok(None);
        };
        let bytes = text.bytes();
        Ok(Some(match (method, arguments) {
            (M::Length | M::Size | M::Bytesize, []) => Val::Int(bytes.len() as i64),
            (M::EmptyP, []) => Val::bool(bytes.is_empty()),
            (M::ForceEncoding, [_]) => {
                let forced = Text::from_utf8(bytes.to_vec());
                self.heap().add(Obj::Str(forced))
            }
            (M::Encode | M::Scrub | M::ToS, _) => {
                let lossy = String::from_utf8_lossy(bytes).into_owned();
                self.new_string(lossy)
            }
            (M::Unpack | M::Unpack1, [format, ..]) => {
                let format = self.text_of(*format)?;
                return self.unpack(bytes, &format, method).map(Some);
            }
            (M::Add, [other]) => match self.memory.heap.text(*other) {
                Some(other) => {
                    let bytes = [bytes, other.bytes()].concat();
                    self.heap()
                        .add(Obj::Str(Text::Bytes { bytes, utf8: false }))
                }
                None => return self.no_conversion(Some(*other), "String"),
            },
            (M::Encoding, []) => {
                let binary = matches!(text, Text::Bytes { utf8: false, .. });
                self.new_str(if binary { "ASCII-8BIT" } else { "UTF-8" })
            }
            (M::ValidEncodingP, []) => Val::bool(!matches!(text, Text::Bytes { utf8: true, .. })),
            (M::AsciiOnlyP, []) => Val::False,
            (M::Bytes, []) => {
                let values = bytes
                    .iter()
                    .map(|&byte| Val::Int(i64::from(byte)))
                    .collect();
                self.new_array(values)
            }
            (
                M::Eq
                | M::NotEq
                | M::Inspect
                | M::Class
                | M::IsAP
                | M::NilP
                | M::RespondToP
                | M::FrozenP
                | M::Hash
                | M::Dup,
                _,
            ) => return Ok(None),
            _ => return self.raise(Class::ArgumentError, "invalid byte sequence in UTF-8"),
        }))
    }

    /// `upcase!` and the like, `<<`, `replace`: the string itself changes.
    pub(super) fn change(
        &mut self,
        receiver: Val,
        text: &str,
        method: M,
        arguments: &[Val],
        block: Block<'r>,
    ) -> Result<Option<Val>, Flow> {
        let new = match method {
            M::Shl | M::Concat => {
                let mut bytes = text.as_bytes().to_vec();
                match arguments.first() {
                    Some(Val::Int(code)) => {
                        let code = u32::try_from(*code)
                            .ok()
                            .and_then(char::from_u32)
                            .unwrap_or('?');
                        bytes.extend_from_slice(code.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                    Some(&part) => match self.memory.heap.text(part) {
                        Some(part) => bytes.extend_from_slice(part.bytes()),
                        None => return self.no_conversion(Some(part), "String"),
                    },
                    None => {}
                }
                Text::from_utf8(bytes)
            }
            M::Insert => {
                let (Some(Val::Int(at)), Some(part)) = (arguments.first(), arguments.get(1)) else {
                    return self.no_conversion(arguments.first().copied(), "Integer");
                };
                let count = text.chars().count() as i64;
                let at = if *at < 0 { at + count + 1 } else { *at };
                let part = self.text_of(*part)?;
                match char_span(text, at, 0) {
                    Some((at, _)) => Text::Utf8(format!("{}{part}{}", &text[..at], &text[at..])),
                    None => {
                        let message = format!("index {at} out of string");
                        return self.raise(Class::IndexError, message);
                    }
                }
            }
            M::Prepend => {
                let part = self.text_of(arguments.first().copied().unwrap_or(Val::Nil))?;
                Text::Utf8(part + text)
            }
            M::Replace => Text::Utf8(self.text_of(arguments.first().copied().unwrap_or(Val::Nil))?),
            M::Clear => Text::Utf8(String::new()),
            M::IndexSet => return self.string_index_set(receiver, text, arguments).map(Some),
            other => {
                let copy = self.new_str(text);
                match self.string(copy, other, arguments, block)? {
                    Some(changed) => self
                        .memory
                        .heap
                        .text(changed)
                        .cloned()
                        .unwrap_or(Text::Utf8(String::new())),
                    None => return Ok(None),
                }
            }
        };
        let same = new.bytes() == text.as_bytes();
        self.overwrite(receiver, new)?;
        let keeps = matches!(
            method,
            M::Shl | M::Concat | M::Prepend | M::Replace | M::Clear
        );
        Ok(Some(if same && !keeps { Val::Nil } else { receiver }))
    }
}
