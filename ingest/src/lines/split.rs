//! From bytes as they arrive to batches of lines.

use std::ops::Range;
use std::sync::Arc;

use memchr::memmem::Finder;

/// A line that grows longer than this without an end is cut.
const MAX_LINE_BYTES: usize = 16 << 20;

/// Lines that belong together: their bytes and where each lies.
pub(super) struct Lines {
    pub buffer: Vec<u8>,
    pub spans: Vec<Range<u32>>,
}

/// Collects bytes and cuts them at the delimiters.
pub(super) struct Splitter {
    delimiter: Finder<'static>,
    max_lines: usize,
    max_bytes: usize,
    buffer: Vec<u8>,
    spans: Vec<Range<u32>>,
    /// Where the unfinished line starts.
    line_start: usize,
    /// No delimiter begins before this.
    searched: usize,
}

impl Splitter {
    /// Cuts at `delimiter`; a batch is full with `max_lines` lines or about `max_bytes` bytes.
    pub fn new(delimiter: &str, max_lines: usize, max_bytes: usize) -> Self {
        Self {
            delimiter: Finder::new(delimiter.as_bytes()).into_owned(),
            max_lines: max_lines.max(1),
            max_bytes,
            buffer: Vec::new(),
            spans: Vec::new(),
            line_start: 0,
            searched: 0,
        }
    }

    /// Adds bytes; full batches go to `full`.
    pub fn push(&mut self, bytes: &[u8], full: &mut impl FnMut(Lines)) {
        self.buffer.extend_from_slice(bytes);
        let len = self.delimiter.needle().len();
        while let Some(found) = self.delimiter.find(&self.buffer[self.searched..]) {
            let end = self.searched + found;
            self.end_line(end, end + len);
            if self.spans.len() >= self.max_lines || self.line_start >= self.max_bytes {
                full(self.cut());
            }
        }
        // A delimiter may have begun in the last bytes.
        self.searched = self
            .line_start
            .max((self.buffer.len() + 1).saturating_sub(len));
        if self.buffer.len() - self.line_start > MAX_LINE_BYTES {
            self.end_line(self.buffer.len(), self.buffer.len());
            full(self.cut());
        }
    }

    /// The lines that are complete, if any.
    pub fn take(&mut self) -> Option<Lines> {
        (!self.spans.is_empty()).then(|| self.cut())
    }

    /// The rest at the end of the input, which may lack its delimiter.
    pub fn finish(&mut self) -> Option<Lines> {
        if self.line_start < self.buffer.len() {
            self.end_line(self.buffer.len(), self.buffer.len());
        }
        self.take()
    }

    fn end_line(&mut self, end: usize, next: usize) {
        self.spans.push(self.line_start as u32..end as u32);
        self.line_start = next;
        self.searched = next;
    }

    /// Everything before the unfinished line; that one starts a new buffer.
    fn cut(&mut self) -> Lines {
        let unfinished = self.buffer.split_off(self.line_start);
        let buffer = std::mem::replace(&mut self.buffer, unfinished);
        self.searched -= self.line_start;
        self.line_start = 0;
        Lines {
            buffer,
            spans: std::mem::take(&mut self.spans),
        }
    }
}

impl Lines {
    /// To be shared: see `LineBatch`.
    pub fn share(self) -> (Arc<[u8]>, Arc<[Range<u32>]>) {
        (self.buffer.into(), self.spans.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(lines: &Lines) -> Vec<Vec<u8>> {
        let line =
            |span: &Range<u32>| lines.buffer[span.start as usize..span.end as usize].to_vec();
        lines.spans.iter().map(line).collect()
    }

    fn split(chunks: &[&[u8]], delimiter: &str, max_lines: usize) -> Vec<Vec<u8>> {
        let mut splitter = Splitter::new(delimiter, max_lines, 1 << 20);
        let mut all = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, &mut |full| {
                assert!(full.spans.len() <= max_lines);
                all.extend(lines(&full));
            });
        }
        all.extend(splitter.finish().iter().flat_map(lines));
        all
    }

    #[test]
    fn lines_may_span_chunks_and_the_last_may_lack_its_end() {
        let found = split(&[b"one\ntw", b"o\n\nthr", b"ee"], "\n", 100);
        assert_eq!(found, [&b"one"[..], b"two", b"", b"three"]);
        assert_eq!(split(&[b"one\n"], "\n", 100), [b"one"]);
        assert!(split(&[b""], "\n", 100).is_empty());
    }

    #[test]
    fn a_delimiter_may_be_cut_in_two() {
        assert_eq!(
            split(&[b"a\r", b"\nb\r\n\r", b"c"], "\r\n", 100),
            [&b"a"[..], b"b", b"\rc"]
        );
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut splitter = Splitter::new("\n", 10, 1 << 10);
        let mut batches = 0;
        for _ in 0..40 {
            splitter.push(&vec![b'x'; 1 << 20], &mut |_| batches += 1);
        }
        assert_eq!(batches, 2);
    }

    proptest! {
        #[test]
        fn chunks_and_batches_do_not_matter(
            text in "[ab\r\n]{0,60}",
            cuts in prop::collection::vec(0usize..60, 0..5),
            max_lines in 1usize..4,
            delimiter in prop::sample::select(vec!["\n", "\r\n", "ab", "aa"]),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                chunks.push(&text.as_bytes()[from..cut]);
                from = cut;
            }
            let mut expected: Vec<&str> = text.split(delimiter).collect();
            if expected.last() == Some(&"") {
                expected.pop();
            }
            let expected: Vec<Vec<u8>> = expected.iter().map(|line| line.as_bytes().to_vec()).collect();
            prop_assert_eq!(split(&chunks, delimiter, max_lines), expected);
        }
    }
}
