//! From the bytes of a file to events: a line each, or several that belong together.

use kelp_parser::regex::{Options, Regex, RegexError, Scratch};

/// A line that begins so is the first of its event: a time, a priority of syslog, an object in JSON, an access line, key=value, or a level.
/// `INFO: text` is no beginning: `java.util.logging` writes the time in a line of its own before it.
const BEGINNING: &str = concat!(
    r"\A(?:\[?\d{4}[-/]\d\d[-/]\d\d|\[?\d\d?[-/]\w{3}[-/]\d{4}|\[?\d\d:\d\d:\d\d|<\d{1,3}>|\{",
    r"|\[?(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]\d \d\d:|[A-Z][a-z]{2} \d{1,2}, \d{4} |\d+:[XCSM] \d\d [A-Z][a-z]{2} ",
    r"|\d{1,3}(?:\.\d{1,3}){3} |(?:\S{1,255} ){3,4}\[\d\d/\w{3}/\d{4}:|[IWEF]\d{4} |[DIWEFAU], \[",
    r"|(?:time|ts|t|level|lvl|at)=|\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|SEVERE|FATAL)(?:\]? |:\w|: {2})",
    r"|(?:trce|dbug|info|warn|fail|crit): \S+\[\d+\]|(?:panic|fatal error): |Exception in thread )",
);

/// An event has so many lines at most; what follows is one of its own.
const MAX_LINES: usize = 1_000;

/// Which lines belong together.
#[derive(Clone, Default)]
pub struct Joining(Option<Regex>);

impl Joining {
    /// A line that does not match `beginning` belongs to the event before it; an empty one stands for what lines of logs begin with.
    ///
    /// # Errors
    /// The expression cannot be used.
    pub fn at(beginning: &str) -> Result<Self, RegexError> {
        let pattern = match beginning {
            "" => BEGINNING,
            pattern => pattern,
        };
        Ok(Self(Some(Regex::new(pattern, Options::default())?)))
    }

    /// Whether a line begins an event. What is no UTF-8, or takes too long to tell, does.
    fn begins(&self, line: &[u8], scratch: &mut Scratch) -> bool {
        let (Some(regex), Ok(line)) = (&self.0, std::str::from_utf8(line)) else {
            return true;
        };
        regex.is_match(line, scratch).unwrap_or(true)
    }
}

/// An event: its text, and the place in the file behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Without a line break at its end.
    pub text: Vec<u8>,
    /// Everything before this offset has been given out.
    pub end: u64,
}

/// Takes the bytes of one file in order and gives out events.
pub struct Assembler {
    joining: Joining,
    scratch: Scratch,
    max_bytes: usize,
    /// A line without its end.
    partial: Vec<u8>,
    /// Lines of an event that may go on, joined.
    held: Vec<u8>,
    held_lines: usize,
    /// The place behind them.
    held_end: u64,
    /// The place behind what was taken.
    position: u64,
}

impl Assembler {
    /// For a file that is read from `position` on; an event has `max_bytes` at most.
    pub fn new(joining: Joining, max_bytes: usize, position: u64) -> Self {
        Self {
            joining,
            scratch: Scratch::default(),
            max_bytes: max_bytes.max(1),
            partial: Vec::new(),
            held: Vec::new(),
            held_lines: 0,
            held_end: position,
            position,
        }
    }

    /// The place behind what was taken.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether there are lines of an event that may go on.
    fn holds(&self) -> bool {
        self.held_lines > 0
    }

    /// Whether everything that was taken has been given out.
    pub fn is_empty(&self) -> bool {
        self.partial.is_empty() && !self.holds()
    }

    /// Takes the next bytes.
    pub fn take(&mut self, mut bytes: &[u8], events: &mut Vec<Event>) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.append(&bytes[..end], events);
            self.position += 1;
            let line = std::mem::take(&mut self.partial);
            self.line(line, events);
            bytes = &bytes[end + 1..];
        }
        self.append(bytes, events);
    }

    /// Adds to the line; one that grows too long is cut into events of its own.
    fn append(&mut self, mut bytes: &[u8], events: &mut Vec<Event>) {
        loop {
            let room = self.max_bytes - self.partial.len();
            let (taken, rest) = bytes.split_at(bytes.len().min(room));
            self.partial.extend_from_slice(taken);
            self.position += taken.len() as u64;
            if rest.is_empty() {
                return;
            }
            let begun = self.partial.split_off(whole_characters(&self.partial));
            let piece = std::mem::replace(&mut self.partial, begun);
            self.flush(events);
            events.push(Event {
                text: piece,
                end: self.position - self.partial.len() as u64,
            });
            bytes = rest;
        }
    }

    fn line(&mut self, mut line: Vec<u8>, events: &mut Vec<Event>) {
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let fits =
            self.held.len() + 1 + line.len() <= self.max_bytes && self.held_lines < MAX_LINES;
        if self.holds() && (!fits || self.joining.begins(&line, &mut self.scratch)) {
            self.flush(events);
        }
        if line.is_empty() && !self.holds() {
            return;
        }
        if self.holds() {
            self.held.push(b'\n');
        }
        self.held.extend_from_slice(&line);
        self.held_lines += 1;
        self.held_end = self.position;
        if self.joining.0.is_none() {
            self.flush(events);
        }
    }

    /// Gives out what may go on, because nothing more is expected of it.
    pub fn flush(&mut self, events: &mut Vec<Event>) {
        if !self.holds() {
            return;
        }
        let mut text = std::mem::take(&mut self.held);
        // Empty lines at its end are none of its own.
        while text.last() == Some(&b'\n') {
            text.pop();
        }
        self.held_lines = 0;
        events.push(Event {
            text,
            end: self.held_end,
        });
    }

    /// Gives out everything, a line without its end too, because the file is complete.
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.line(line, events);
        }
        self.flush(events);
    }
}

/// How many of the bytes are whole characters, so that a cut behind them does not fall within one of UTF-8; all, if it is none.
fn whole_characters(bytes: &[u8]) -> usize {
    for (back, byte) in bytes.iter().rev().take(3).enumerate() {
        let length = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 1,
        };
        let begins_at = bytes.len() - back - 1;
        let is_whole = back + 1 >= length || begins_at == 0;
        return if is_whole { bytes.len() } else { begins_at };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(joining: &Joining, max_bytes: usize, text: &[u8], chunk: usize) -> Vec<Event> {
        let mut assembler = Assembler::new(joining.clone(), max_bytes, 100);
        let mut events = Vec::new();
        for bytes in text.chunks(chunk) {
            assembler.take(bytes, &mut events);
        }
        assembler.finish(&mut events);
        events
    }

    fn texts(events: &[Event]) -> Vec<String> {
        let texts = events.iter();
        texts
            .map(|event| String::from_utf8_lossy(&event.text).into_owned())
            .collect()
    }

    #[test]
    fn lines_are_events_however_they_come() {
        let text = b"one\r\ntwo\n\n\nthree";
        for chunk in 1..text.len() {
            let events = events(&Joining::default(), 1000, text, chunk);
            assert_eq!(texts(&events), ["one", "two", "three"], "{chunk}");
            let ends: Vec<u64> = events.iter().map(|event| event.end).collect();
            assert_eq!(ends, [105, 109, 116], "{chunk}");
        }
    }

    #[test]
    fn a_stack_trace_belongs_to_its_line() {
        let text = b"2026-11-25 10:00:00 ERROR a\njava.lang.X: b\n\tat c\n\nCaused by: d\n2026-11-25 10:00:01 INFO e\n\n";
        let joining = Joining::at("").unwrap();
        for chunk in [1, 7, text.len()] {
            let events = events(&joining, 1000, text, chunk);
            let expected = [
                "2026-11-25 10:00:00 ERROR a\njava.lang.X: b\n\tat c\n\nCaused by: d",
                "2026-11-25 10:00:01 INFO e",
            ];
            assert_eq!(texts(&events), expected);
            assert_eq!(events[1].end, 100 + text.len() as u64);
        }
    }

    #[test]
    fn what_begins_as_logs_do_is_an_event_of_its_own() {
        let beginnings = [
            "203.0.113.9 - - [25/Nov/2026:10:15:30 +0000] \"GET / HTTP/1.1\" 200 1",
            "2001:db8::17 - - [25/Nov/2026:10:15:30 +0000] \"GET / HTTP/1.1\" 200 1",
            "client.example.net - anna [25/Nov/2026:10:15:30 +0000] \"GET / HTTP/1.1\" 200 1",
            "shop.example.com:443 192.0.2.5 - - [25/Nov/2026:10:15:30 +0000] \"GET / HTTP/1.1\" 200 1",
            "[Wed Nov 25 10:15:40.123456 2026] [authz_core:error] [pid 17] denied",
            "25-Nov-2026 10:15:41.123 INFO [main] org.apache.catalina.startup.Catalina.start done",
            "Nov 25, 2026 10:15:41 AM com.example.App main",
            "1:M 25 Nov 2026 10:15:42.123 * Ready to accept connections",
            "time=2026-11-25T10:15:43Z level=INFO msg=hello",
            "level=info ts=2026-11-25T10:15:43Z msg=hello",
            "ERROR:root:failed",
            "INFO:     Application startup complete.",
            "[ERROR] backup target is full",
            "WARN disk is nearly full",
            "INFO 2026-11-25 10:15:44,123 worker done",
            "info: Microsoft.Hosting.Lifetime[14]",
            "panic: runtime error: index out of range",
            "<30>Nov 25 10:16:01 web-1 systemd[1]: Started.",
            "Nov  5 10:16:01 web-1 systemd[1]: Started.",
        ];
        let joining = Joining::at("").unwrap();
        let text = beginnings.map(|line| format!("{line}\n")).concat();
        let found = events(&joining, 1000, text.as_bytes(), 64);
        assert_eq!(texts(&found), beginnings);
        // What follows belongs to its line.
        for line in [
            "INFO: started",
            "Traceback (most recent call last):",
            "Caused by: java.io.IOException: disk",
            "goroutine 1 [running]:",
            "ValueError: no price",
            "      Now listening on: http://[::]:8080",
            "",
        ] {
            let text = format!("{}\n{line}\nat the end\n", beginnings[6]);
            let found = events(&joining, 1000, text.as_bytes(), 64);
            assert_eq!(found.len(), 1, "{line}");
        }
    }

    #[test]
    fn nothing_grows_beyond_its_bound_and_nothing_is_lost() {
        let text = b"0123456789abcdef\nxy\n";
        let cut = events(&Joining::default(), 10, text, 3);
        assert_eq!(texts(&cut), ["0123456789", "abcdef", "xy"]);
        // Not within a character, if it can be helped.
        for chunk in [1, 4, 30] {
            let text = "abc\u{e4}\u{20ac}\u{1f600}\u{20ac}\n";
            let cut = events(&Joining::default(), 7, text.as_bytes(), chunk);
            let expected = ["abc\u{e4}", "\u{20ac}\u{1f600}", "\u{20ac}"];
            assert_eq!(texts(&cut), expected, "{chunk}");
            let ends: Vec<u64> = cut.iter().map(|event| event.end).collect();
            assert_eq!(ends, [105, 112, 116], "{chunk}");
            let odd = events(&Joining::default(), 2, b"\xe2\x82\xac\xff\xfe\xfd\n", chunk);
            assert_eq!(odd.iter().map(|event| event.text.len()).sum::<usize>(), 6);
        }
        let joining = Joining::at("\\Abegin").unwrap();
        let joined = events(&joining, 12, b"begin\nmore\nand\nmore\n", 4);
        assert_eq!(texts(&joined), ["begin\nmore", "and\nmore"]);
    }
}
