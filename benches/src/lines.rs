//! Combined access lines, about 180 bytes each; the same ones in every run.

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile",
    "curl/8.7.1",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example.com/about)",
];
const PATHS: [&str; 5] = [
    "/",
    "/api/v1/orders?limit=50",
    "/static/app.css",
    "/images/logo.png",
    "/search?q=kelp+soup",
];
const STATUS: [u16; 8] = [200, 200, 200, 200, 304, 404, 301, 500];

/// Makes lines without end.
pub struct Lines {
    state: u64,
    count: u64,
}

impl Lines {
    /// From the first line on.
    pub fn new() -> Self {
        Self {
            state: 0x2545_F491_4F6C_DD1D,
            count: 0,
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % limit
    }
}

impl Iterator for Lines {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let second = self.count / 200;
        self.count += 1;
        let address = [
            self.below(223) + 1,
            self.below(256),
            self.below(256),
            self.below(254) + 1,
        ];
        let (agent, path) = (self.below(4) as usize, self.below(5) as usize);
        let (status, bytes) = (STATUS[self.below(8) as usize], self.below(90_000));
        Some(format!(
            "{}.{}.{}.{} - - [{:02}/Nov/2026:{:02}:{:02}:{:02} +0000] \"GET {} HTTP/1.1\" {status} {bytes} \"https://www.example.com/\" \"{}\"",
            address[0],
            address[1],
            address[2],
            address[3],
            1 + second / 86_400 % 28,
            second / 3600 % 24,
            second / 60 % 60,
            second % 60,
            PATHS[path],
            AGENTS[agent],
        ))
    }
}
