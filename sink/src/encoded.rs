//! Bytes of encoded events, whole events only.

/// Events one behind the other. What an encoder left that failed, or panicked, is removed.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    bytes: Vec<u8>,
    /// Whole events end here; what lies behind is torn.
    end: usize,
    /// Where the last event starts.
    last: usize,
}

impl Encoded {
    /// Appends what `encode` writes.
    pub(crate) fn push<E>(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.discard_torn();
        let encoded = encode(&mut self.bytes);
        match encoded {
            Ok(()) => (self.last, self.end) = (self.end, self.bytes.len()),
            Err(_) => self.discard_torn(),
        }
        encoded
    }

    /// All whole events.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// Where the last event starts.
    pub(crate) fn last(&self) -> usize {
        self.last
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        (self.end, self.last) = (0, 0);
    }

    fn discard_torn(&mut self) {
        self.bytes.truncate(self.end);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn write(out: &mut Vec<u8>, text: &str) {
        out.extend_from_slice(text.as_bytes());
    }

    #[test]
    fn what_a_failed_or_panicking_encoder_wrote_is_removed() {
        let mut encoded = Encoded::default();
        let push = |encoded: &mut Encoded, text: &str| {
            encoded.push(|out| {
                write(out, text);
                Ok::<_, ()>(())
            })
        };
        push(&mut encoded, "one\n").unwrap();
        let failed = encoded.push(|out| {
            write(out, "half");
            Err("no")
        });
        assert_eq!(failed, Err("no"));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            encoded.push(|out| {
                write(out, "torn");
                if !out.is_empty() {
                    panic!("a defect");
                }
                Ok::<_, ()>(())
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(encoded.bytes(), b"one\n");
        push(&mut encoded, "two\n").unwrap();
        assert_eq!(encoded.bytes(), b"one\ntwo\n");
        assert_eq!(encoded.last(), 4);
        encoded.clear();
        assert_eq!(encoded.bytes(), b"");
    }
}
