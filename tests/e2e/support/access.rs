//! Access lines in the combined format, and what a correct parse of them must find.
//!
//! The lines are generated, the same in every run; `KELP_ACCESS_LOG` names a file of real ones instead. What is expected is computed from the
//! text by plain splitting, independently of the product.

use std::collections::BTreeMap;
use std::fmt::Write;

/// A number of access lines.
pub struct AccessLog {
    pub lines: Vec<String>,
}

/// What the documents made of an [`AccessLog`] must add up to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Lines that `COMBINEDAPACHELOG` matches, by response status.
    pub responses: BTreeMap<String, u64>,
    /// Those lines by day, as `2015.05.17`.
    pub days: BTreeMap<String, u64>,
    /// Their bytes.
    pub bytes: u64,
    /// Lines that it does not match.
    pub unparsed: u64,
}

impl AccessLog {
    /// 10,000 lines over four days, of which one has lost the quote at its end.
    pub fn new() -> Self {
        let lines = match std::env::var("KELP_ACCESS_LOG") {
            Ok(path) => std::fs::read_to_string(path)
                .unwrap()
                .lines()
                .map(str::to_owned)
                .collect(),
            Err(_) => (0..10_000).map(generated).collect(),
        };
        Self { lines }
    }

    pub fn expected(&self) -> Expected {
        let mut expected = Expected::default();
        for line in &self.lines {
            let quoted: Vec<&str> = line.split('"').collect();
            if quoted.len() < 7 {
                expected.unparsed += 1;
                continue;
            }
            let (_, time) = quoted[0].split_once('[').unwrap();
            let (day, month, year) = (&time[0..2], &time[3..6], &time[7..11]);
            assert!(
                month == "May" && time.trim_end().ends_with("+0000]"),
                "a day elsewhere: {line}"
            );
            *expected.days.entry(format!("{year}.05.{day}")).or_default() += 1;
            let mut numbers = quoted[2].split_whitespace();
            *expected
                .responses
                .entry(numbers.next().unwrap().to_owned())
                .or_default() += 1;
            expected.bytes += numbers.next().unwrap().parse::<u64>().unwrap_or(0);
        }
        expected
    }
}

/// The line of a number. Primes and a few shifts give a mix without a generator of random numbers.
fn generated(number: u64) -> String {
    const AGENTS: [&str; 4] = [
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/33.0.1750.91 Safari/537.36",
        "Mozilla/5.0 (compatible; ExampleBot/2.1; +http://example.org/bot.html)",
        "UniversalFeedParser/4.2-pre-314-svn +http://example.org/",
        "-",
    ];
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let status = match mixed % 1000 {
        0..=912 => 200,
        913..=957 => 304,
        958..=978 => 404,
        979..=994 => 301,
        995..=998 => 206,
        _ => 500,
    };
    let second = number * 4 * 86_400 / 10_000;
    let (day, hour, minute) = (17 + second / 86_400, second / 3600 % 24, second / 60 % 60);
    let bytes = if status == 304 {
        "-".to_owned()
    } else {
        (mixed % 70_000 * (1 + mixed % 97)).to_string()
    };
    let referrer = if mixed.is_multiple_of(3) {
        "-"
    } else {
        "http://www.example.org/search?q=a+b"
    };
    let mut line = format!("83.149.{}.{}", mixed % 251, mixed / 251 % 251);
    let _ = write!(
        line,
        " - - [{day:02}/May/2015:{hour:02}:{minute:02}:{:02} +0000] \"GET /presentations/{}.html?page={} HTTP/1.1\" {status} {bytes} \"{referrer}\" \"{}",
        second % 60,
        mixed % 1009,
        number % 7,
        AGENTS[usize::try_from(mixed / 7 % 4).unwrap()],
    );
    if number != 8_898 {
        line.push('"');
    }
    line
}
