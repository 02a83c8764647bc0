//! Log lines such as a small web shop writes: access lines in the combined format, application logs as
//! JSON, and now and then one that is broken, as in life.
//!
//! The shapes are made up; addresses are from the ranges reserved for documentation. The same seed
//! gives the same lines but for their times.

use kelp_parser::time::{DateFormat, DateFormatError, Timestamp};

/// A topic and a line for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which of [`TOPICS`].
    pub topic: &'static str,
    /// Without a line break.
    pub text: String,
}

/// The topics that lines are made for.
pub const TOPICS: [&str; 2] = ["access", "application"];

/// Of so many lines, one is broken.
const BROKEN_ONE_IN: u32 = 150;

/// How often each stands among a hundred: repeated entries are commoner.
const STATUSES: &[(u16, u32)] = &[
    (200, 86),
    (304, 5),
    (404, 4),
    (301, 2),
    (401, 1),
    (500, 1),
    (503, 1),
];
const LEVELS: &[(&str, u32)] = &[("INFO", 85), ("DEBUG", 7), ("WARN", 6), ("ERROR", 2)];

const PATHS: &[&str] = &[
    "/",
    "/products",
    "/products/1042",
    "/products/2210?ref=newsletter",
    "/search?q=rain+jacket",
    "/cart",
    "/checkout",
    "/static/app.3f9a1c.js",
    "/static/site.css",
    "/favicon.ico",
    "/api/v2/stock/1042",
    "/wp-login.php",
];
const REFERRERS: &[&str] = &[
    "-",
    "https://shop.example.com/",
    "https://shop.example.com/products",
    "https://www.example.org/reviews/rain-jackets",
];
const AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "curl/8.8.0",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example.net/)",
];
/// Services and what they say.
const MESSAGES: &[(&str, &str)] = &[
    ("cart", "item added"),
    ("cart", "cart restored from session"),
    ("checkout", "order placed"),
    ("checkout", "payment authorised"),
    ("payment", "retrying the acquirer"),
    ("catalogue", "cache miss, reading from the database"),
    ("catalogue", "price list reloaded"),
    ("auth", "login succeeded"),
    ("auth", "token refreshed"),
];

/// Makes lines.
pub struct Lines {
    random: fastrand::Rng,
    access_time: DateFormat,
    made: u64,
}

impl Lines {
    /// Lines from `seed`.
    ///
    /// # Errors
    /// Never: the format of the times is a constant that is valid, which a test sees to.
    pub fn new(seed: u64) -> Result<Self, DateFormatError> {
        Ok(Self {
            random: fastrand::Rng::with_seed(seed),
            access_time: DateFormat::joda("dd/MMM/yyyy:HH:mm:ss Z")?,
            made: 0,
        })
    }

    /// The next line, written at `now`. Two of three are access lines.
    pub fn next(&mut self, now: Timestamp) -> Line {
        self.made += 1;
        let broken = self.random.u32(..BROKEN_ONE_IN) == 0;
        if self.made.is_multiple_of(3) {
            let text = self.application(now);
            let text = match (broken, self.random.bool()) {
                (false, _) => text,
                (true, true) => cut(text),
                (true, false) => {
                    "java.lang.IllegalStateException: connection pool is closed".to_owned()
                }
            };
            Line {
                topic: TOPICS[1],
                text,
            }
        } else {
            let text = self.access(now);
            Line {
                topic: TOPICS[0],
                text: if broken { cut(text) } else { text },
            }
        }
    }

    fn access(&mut self, now: Timestamp) -> String {
        let mut time = Vec::new();
        self.access_time.write(now, &mut time);
        let time = String::from_utf8_lossy(&time);
        let network = self.pick(&["192.0.2", "198.51.100", "203.0.113"]);
        let host = self.random.u8(1..);
        let path = self.pick(PATHS);
        let method = match path {
            "/checkout" => "POST",
            _ => "GET",
        };
        let status = self.weighted(STATUSES);
        let bytes = match status {
            304 => "-".to_owned(),
            _ => self.random.u32(120..48_000).to_string(),
        };
        let referrer = self.pick(REFERRERS);
        let agent = self.pick(AGENTS);
        format!(
            r#"{network}.{host} - - [{time}] "{method} {path} HTTP/1.1" {status} {bytes} "{referrer}" "{agent}""#
        )
    }

    fn application(&mut self, now: Timestamp) -> String {
        let mut time = Vec::new();
        now.write_iso8601(&mut time);
        let time = String::from_utf8_lossy(&time);
        let level = self.weighted(LEVELS);
        let (service, message) = self.pick(MESSAGES);
        let trace = self.random.u64(..);
        let duration_ms = self.random.u32(1..900);
        let order = self.random.u32(100_000..999_999);
        format!(
            r#"{{"time":"{time}","level":"{level}","service":"{service}","message":"{message}","trace_id":"{trace:016x}","duration_ms":{duration_ms},"order":{{"id":{order},"currency":"EUR"}}}}"#
        )
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.random.usize(..choices.len())]
    }

    fn weighted<T: Copy>(&mut self, choices: &[(T, u32)]) -> T {
        let total: u32 = choices.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.random.u32(..total);
        for (choice, weight) in choices {
            match drawn.checked_sub(*weight) {
                Some(rest) => drawn = rest,
                None => return *choice,
            }
        }
        choices[0].0
    }
}

/// The line as a process leaves it that dies while it writes.
fn cut(mut text: String) -> String {
    text.truncate(text.len() * 2 / 3);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<Line> {
        let mut lines = Lines::new(7).unwrap();
        let now = Timestamp::from_millis(1_700_000_000_123);
        (0..count).map(|_| lines.next(now)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_lines() {
        assert_eq!(lines(500), lines(500));
    }

    #[test]
    fn few_application_lines_are_broken() {
        let (mut whole, mut broken) = (0, 0);
        for line in lines(9_000) {
            if line.topic == "application" {
                match serde_json::from_str::<serde_json::Value>(&line.text) {
                    Ok(_) => whole += 1,
                    Err(_) => broken += 1,
                }
            }
        }
        assert_eq!(whole + broken, 3_000);
        assert!((5..60).contains(&broken), "{broken} are broken");
    }

    #[test]
    fn access_lines_have_the_combined_format() {
        let line = &lines(1)[0];
        assert_eq!(line.topic, "access");
        let rest = line.text.split_once(" - - ").unwrap().1;
        assert!(
            rest.starts_with("[14/Nov/2023:22:13:20 +0000] \""),
            "{rest}"
        );
        assert_eq!(rest.matches('"').count(), 6);
    }
}
