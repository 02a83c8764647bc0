//! Log lines that look like real ones, the same for the same seed.

pub(crate) struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }

    fn address(&mut self) -> String {
        let [a, b, c, d] = [0; 4].map(|_| self.below(254) + 1);
        format!("{a}.{b}.{c}.{d}")
    }

    fn month(&mut self) -> &'static str {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        MONTHS[self.below(12) as usize]
    }

    fn day(&mut self) -> u64 {
        1 + self.below(28)
    }

    fn clock(&mut self) -> String {
        format!(
            "{:02}:{:02}:{:02}",
            self.below(24),
            self.below(60),
            self.below(60)
        )
    }

    fn http_date(&mut self) -> String {
        let (day, month, year) = (self.day(), self.month(), 2015 + self.below(12));
        format!(
            "{day:02}/{month}/{year}:{} {}{:02}00",
            self.clock(),
            self.pick(&["+", "-"]),
            self.below(12)
        )
    }

    fn iso_date(&mut self, separator: char) -> String {
        format!(
            "{}-{:02}-{:02}{separator}{}",
            2015 + self.below(12),
            1 + self.below(12),
            self.day(),
            self.clock()
        )
    }

    fn message(&mut self, most: u64) -> String {
        const WORDS: [&str; 16] = [
            "connection",
            "from",
            "user",
            "failed",
            "accepted",
            "for",
            "request",
            "timeout",
            "retry",
            "id=42",
            "(root)",
            "session",
            "opened",
            "0.25ms",
            "[ok]",
            "\"quoted\"",
        ];
        (0..4 + self.below(most))
            .map(|_| self.pick(&WORDS))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn path(&mut self) -> &'static str {
        const PATHS: [&str; 7] = [
            "/",
            "/index.html",
            "/presentations/2013/images/kibana-search.png",
            "/static/css/main.8f3c1d.css",
            "/api/v1/users/42/orders?limit=50&offset=100&sort=-created",
            "/search?q=caf%C3%A9+latte&lang=fr",
            "/wp-login.php",
        ];
        PATHS[self.below(7) as usize]
    }

    fn referrer(&mut self) -> &'static str {
        const REFERRERS: [&str; 4] = [
            "-",
            "http://example.com/presentations/2013/",
            "https://www.google.com/",
            "https://example.org/a?x=1&y=2",
        ];
        REFERRERS[self.below(4) as usize]
    }

    fn agent(&mut self) -> &'static str {
        const AGENTS: [&str; 6] = [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1",
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "kube-probe/1.29",
            "-",
        ];
        AGENTS[self.below(6) as usize]
    }
}

pub(crate) fn combined(random: &mut Random) -> String {
    let host = match random.below(10) {
        0 => format!("host-{}.example.com", random.below(999)),
        _ => random.address(),
    };
    let user = random.pick(&["-", "-", "-", "frank", "j.doe"]);
    let verb = random.pick(&["GET", "GET", "POST", "HEAD"]);
    let status = random.pick(&["200", "200", "304", "404", "500"]);
    let (date, path, bytes) = (random.http_date(), random.path(), random.below(300_000));
    let (minor, referrer, agent) = (random.below(2), random.referrer(), random.agent());
    format!(
        "{host} - {user} [{date}] \"{verb} {path} HTTP/1.{minor}\" {status} {bytes} \"{referrer}\" \"{agent}\""
    )
}

/// The combined line without its last two fields: a pattern for the combined one fails late on it.
pub(crate) fn common(random: &mut Random) -> String {
    let line = combined(random);
    let fields: Vec<_> = line.rsplitn(5, '"').collect();
    fields[4].trim_end().to_owned()
}

pub(crate) fn syslog(random: &mut Random) -> String {
    let (month, day, clock) = (random.month(), random.day(), random.clock());
    let host = random.pick(&["web-01", "db3.prod.example.com", "10.1.2.3", "gw"]);
    let program = random.pick(&["sshd", "systemd", "CRON", "kernel", "postfix/smtpd"]);
    format!(
        "{month} {day:2} {clock} {host} {program}[{}]: {}",
        1 + random.below(65_000),
        random.message(14)
    )
}

pub(crate) fn syslog5424(random: &mut Random) -> String {
    let (priority, date, millis) = (random.below(190), random.iso_date('T'), random.below(1000));
    let (host, app) = (
        random.pick(&["web-01", "db3.prod.example.com", "10.1.2.3"]),
        random.pick(&["su", "nginx", "app"]),
    );
    let (process, id) = (random.pick(&["-", "1234"]), random.pick(&["ID47", "-"]));
    let data = random.pick(&[
        "-",
        "[exampleSDID@32473 iut=\"3\" eventSource=\"Application\" eventID=\"1011\"]",
    ]);
    format!(
        "<{priority}>1 {date}.{millis:03}Z {host} {app} {process} {id} {data} {}",
        random.message(14)
    )
}

pub(crate) fn haproxy(random: &mut Random) -> String {
    let (month, day, clock) = (random.month(), random.day(), random.clock());
    let mut number = |bound| random.below(bound);
    let (process, port, server, millis) = (
        number(60_000),
        1024 + number(60_000),
        number(9),
        number(1000),
    );
    let (times, sizes) = (
        format!(
            "{}/0/{}/{}/{}",
            number(9),
            number(20),
            number(2000),
            number(3000)
        ),
        number(99_999),
    );
    let counts = format!(
        "{}/{}/{}/{}/0",
        number(999),
        number(999),
        number(99),
        number(9)
    );
    let (address, accepted) = (random.address(), random.clock());
    let (agent, verb, path) = (
        random.pick(&["curl/8.5.0", "Mozilla/5.0 (X11; Linux)"]),
        random.pick(&["GET", "POST"]),
        random.path(),
    );
    format!(
        "{month} {day:2} {clock} lb1 haproxy[{process}]: {address}:{port} [{day:02}/{month}/2024:{accepted}.{millis:03}] \
         fe_http be_app/srv{server} {times} 200 {sizes} - - ---- {counts} 0/0 {{www.example.org|{agent}}} {{}} \
         \"{verb} {path} HTTP/1.1\""
    )
}

pub(crate) fn log4j(random: &mut Random) -> String {
    let (date, millis) = (random.iso_date(' '), random.below(1000));
    let level = random.pick(&["INFO", "DEBUG", "WARN", "ERROR", "TRACE"]);
    let thread = random.pick(&["main", "http-nio-8080-exec-7", "pool-3-thread-12"]);
    let class = random.pick(&[
        "com.example.service.OrderService",
        "org.apache.kafka.clients.NetworkClient",
        "o.s.w.s.Servlet",
    ]);
    format!(
        "{date},{millis:03} {level} [{thread}] {class} - {}",
        random.message(16)
    )
}

pub(crate) fn s3(random: &mut Random) -> String {
    let (date, address, request, key) = (
        random.http_date(),
        random.address(),
        random.below(1 << 40),
        random.below(1000),
    );
    let (sent, size, total, turn) = (
        random.below(99_999),
        random.below(999_999),
        random.below(500),
        random.below(500),
    );
    let (referrer, agent) = (random.referrer(), random.agent());
    format!(
        "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be mybucket [{date}] {address} \
         arn:aws:iam::123456789012:user/x {request:012X} REST.GET.OBJECT some/key/photo{key}.jpg \
         \"GET /mybucket/photo.jpg?x=1 HTTP/1.1\" 200 - {sent} {size} {total} {turn} \"{referrer}\" \"{agent}\" -"
    )
}

pub(crate) fn elb(random: &mut Random) -> String {
    let (date, micros, address, port) = (
        random.iso_date('T'),
        random.below(1_000_000),
        random.address(),
        random.below(65_000),
    );
    let (server, first, last) = (random.below(255), random.below(99), random.below(99));
    let (received, sent, path) = (random.below(9999), random.below(99_999), random.path());
    format!(
        "{date}.{micros:06}Z my-loadbalancer {address}:{port} 10.0.0.{server}:80 0.0000{first} 0.001048 0.0000{last} \
         200 200 {received} {sent} \"GET http://www.example.com:80{path} HTTP/1.1\""
    )
}

pub(crate) fn application(random: &mut Random) -> String {
    let (date, line, message, took) = (
        random.iso_date('T'),
        random.below(900),
        random.message(20),
        random.below(900),
    );
    format!(
        "level=info ts={date}Z caller=main.go:{line} component=tsdb msg=\"{message}\" took={took}ms host={}",
        random.address()
    )
}

pub(crate) fn lines(count: usize, line: fn(&mut Random) -> String) -> Vec<String> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..count).map(|_| line(&mut random)).collect()
}
