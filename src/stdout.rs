//! Standard output for people, who may have seen enough of it: `kelp reference grok | head` closes it early, and that is no failure.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stdout};

/// Writes `text`; a command goes on with its work if nobody reads any more.
pub fn write(text: Arguments<'_>) {
    let mut out = stdout().lock();
    let written = out.write_fmt(text).and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        eprintln!("error: standard output cannot be written: {error}");
    }
}

/// `println!` that does not panic when standard output is closed.
macro_rules! print_line {
    ($($text:tt)+) => {
        $crate::stdout::write(format_args!("{}\n", format_args!($($text)+)))
    };
}
pub(crate) use print_line;
