//! What a small web shop and its hosts log: the lines of `kelp demo`, and what it takes to fill every dashboard: request times, stack
//! traces, logins and their failures.

use kelp_parser::time::{DateFormat, DateFormatError, Timestamp};

use super::super::demo::lines::{Lines, TOPICS};

/// A topic and a line for it, which may have several lines when it carries a stack trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleLine {
    /// Where it is written.
    pub topic: &'static str,
    /// Without a line break at its end.
    pub text: String,
}

/// Of so many lines, one is of a host.
const SYSTEM_ONE_IN: u64 = 10;
/// Of so many lines, one carries a stack trace.
const EXCEPTION_ONE_IN: u64 = 40;

const HOSTS: [&str; 3] = ["web-1", "web-2", "db-1"];

/// What a host says: a priority, a program, and a text in which `IP` stands for an address.
const SYSTEM: &[(u8, &str, &str)] = &[
    (
        86,
        "sshd[2201]",
        "Accepted publickey for deploy from IP port 50122 ssh2: ED25519 SHA256:x",
    ),
    (
        86,
        "sshd[2202]",
        "Failed password for root from IP port 40022 ssh2",
    ),
    (
        86,
        "sshd[2203]",
        "Failed password for invalid user admin from IP port 40023 ssh2",
    ),
    (
        85,
        "sudo",
        "  deploy : TTY=pts/0 ; PWD=/home/deploy ; USER=root ; COMMAND=/usr/bin/systemctl restart shop",
    ),
    (
        30,
        "systemd[1]",
        "Started Daily apt upgrade and clean activities.",
    ),
    (78, "CRON[8123]", "(root) CMD (run-parts /etc/cron.hourly)"),
    (
        3,
        "kernel",
        "Out of memory: Killed process 4711 (java) total-vm:4194304kB",
    ),
];

/// A logger, its message, and an exception with its stack.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "com.example.shop.Payment",
        "the acquirer did not answer",
        "java.net.SocketTimeoutException: Read timed out\n\tat com.example.shop.Acquirer.call(Acquirer.java:88)\n\tat com.example.shop.Payment.authorise(Payment.java:42)",
    ),
    (
        "com.example.shop.Cart",
        "cannot price the cart",
        "java.lang.IllegalStateException: no price list\n\tat com.example.shop.Prices.find(Prices.java:42)\n\tat com.example.shop.Cart.price(Cart.java:17)\nCaused by: java.io.IOException: disk\n\t... 2 more",
    ),
    (
        "com.example.shop.Search",
        "the index is gone",
        "java.lang.NullPointerException: null\n\tat com.example.shop.Search.run(Search.java:7)",
    ),
];

/// Makes lines.
pub struct SampleLines {
    lines: Lines,
    random: fastrand::Rng,
    syslog: DateFormat,
    log4j: DateFormat,
    made: u64,
}

impl SampleLines {
    /// Lines from `seed`.
    ///
    /// # Errors
    /// Never: the formats of the times are constants that are valid, which a test sees to.
    pub fn new(seed: u64) -> Result<Self, DateFormatError> {
        Ok(Self {
            lines: Lines::new(seed)?,
            random: fastrand::Rng::with_seed(seed.wrapping_add(1)),
            syslog: DateFormat::joda("MMM dd HH:mm:ss")?,
            log4j: DateFormat::joda("yyyy-MM-dd HH:mm:ss,SSS")?,
            made: 0,
        })
    }

    /// The next line, written at `now`.
    pub fn next(&mut self, now: Timestamp) -> SampleLine {
        let number = self.made;
        self.made += 1;
        if number.is_multiple_of(SYSTEM_ONE_IN) {
            let text = self.system(number / SYSTEM_ONE_IN, now);
            return SampleLine {
                topic: "logs",
                text,
            };
        }
        if number % EXCEPTION_ONE_IN == 1 {
            let text = self.exception(now);
            return SampleLine {
                topic: "logs.shop",
                text,
            };
        }
        let line = self.lines.next(now);
        match line.topic == TOPICS[0] {
            true => SampleLine {
                topic: "logs.web",
                text: self.with_request_time(line.text),
            },
            false => SampleLine {
                topic: "logs.shop",
                text: line.text,
            },
        }
    }

    fn system(&mut self, number: u64, now: Timestamp) -> String {
        let (priority, program, text) = SYSTEM[(number % SYSTEM.len() as u64) as usize];
        let host = HOSTS[self.random.usize(..HOSTS.len())];
        let address = format!("203.0.113.{}", self.random.u8(1..40));
        let time = written(&self.syslog, now);
        format!(
            "<{priority}>{time} {host} {program}: {}",
            text.replace("IP", &address)
        )
    }

    fn exception(&mut self, now: Timestamp) -> String {
        let (logger, message, trace) = EXCEPTIONS[self.random.usize(..EXCEPTIONS.len())];
        let (time, thread) = (written(&self.log4j, now), self.random.u8(1..9));
        format!("{time} [http-{thread}] ERROR {logger} - {message}\n{trace}")
    }

    /// As nginx writes `$request_time` at the end; a broken line stays as it is.
    fn with_request_time(&mut self, text: String) -> String {
        if !text.ends_with('"') || text.matches('"').count() != 6 {
            return text;
        }
        // Most are fast, a few are not.
        let slow = if self.random.u8(..20) == 0 {
            2_500
        } else {
            120
        };
        let milliseconds = self.random.u32(1..slow);
        format!("{text} {}.{:03}", milliseconds / 1000, milliseconds % 1000)
    }
}

fn written(format: &DateFormat, time: Timestamp) -> String {
    let mut text = Vec::new();
    format.write(time, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_kind_are_made_and_the_same_for_the_same_seed() {
        let lines = || {
            let mut lines = SampleLines::new(7).unwrap();
            let now = Timestamp::from_millis(1_700_000_000_123);
            (0..400).map(move |_| lines.next(now)).collect::<Vec<_>>()
        };
        assert_eq!(lines(), lines());
        let count = |part: &str| {
            lines()
                .iter()
                .filter(|line| line.text.contains(part))
                .count()
        };
        assert_eq!(count("\n\tat com.example.shop"), 10);
        assert!(count(": Accepted publickey") > 3);
        assert!(count("<3>Nov 14 22:13:20") > 2);
        let timed = |line: &&SampleLine| {
            line.topic == "logs.web" && !line.text.ends_with('"') && line.text.contains("\" 0.0")
        };
        assert!(lines().iter().filter(timed).count() > 100);
    }
}
