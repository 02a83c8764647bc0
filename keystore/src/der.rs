//! As much of DER as stores need.

use crate::Unreadable;

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const OCTET_STRING: u8 = 0x04;

/// What is left to read.
pub(crate) struct Bytes<'b>(pub(crate) &'b [u8]);

impl<'b> Bytes<'b> {
    pub(crate) fn take(&mut self, len: usize) -> Result<&'b [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Unreadable::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A big-endian number of so many bytes, at most four.
    pub(crate) fn number(&mut self, bytes: usize) -> Result<usize, Unreadable> {
        let taken = self.take(bytes)?;
        Ok(taken
            .iter()
            .fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// The content of the next value, which must have this tag.
    pub(crate) fn der(&mut self, tag: u8) -> Result<&'b [u8], Unreadable> {
        let value = self.value()?;
        match value.tag == tag {
            true => Ok(value.content),
            false => Err(Unreadable::Damaged),
        }
    }

    /// The next value, whatever it is.
    pub(crate) fn value(&mut self) -> Result<Value<'b>, Unreadable> {
        let from = self.0;
        let tag = self.number(1)? as u8;
        let len = match self.number(1)? {
            short @ 0..=0x7f => short,
            long @ 0x81..=0x84 => self.number(long - 0x80)?,
            _ => return Err(Unreadable::Damaged),
        };
        let content = self.take(len)?;
        let whole = &from[..from.len() - self.0.len()];
        Ok(Value {
            tag,
            content,
            whole,
        })
    }
}

/// A value: what it is, what it holds, and all of it.
pub(crate) struct Value<'b> {
    pub(crate) tag: u8,
    pub(crate) content: &'b [u8],
    pub(crate) whole: &'b [u8],
}

/// Encodes a value of these parts.
pub(crate) fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let len = content.len().to_be_bytes();
    let len = &len[len.iter().take_while(|byte| **byte == 0).count()..];
    let mut encoded = vec![tag];
    match len {
        [] => encoded.push(0),
        [short] if *short < 0x80 => encoded.push(*short),
        long => {
            encoded.push(0x80 | long.len() as u8);
            encoded.extend_from_slice(long);
        }
    }
    encoded.extend(content);
    encoded
}
