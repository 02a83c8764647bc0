//! Takes a line apart into values, words, punctuation and white space.

use crate::grok::compile::{Grok, GrokError};
use crate::grok::library::Library;
use crate::regex::Scratch;

/// What a part of a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space.
    Space,
    /// Punctuation, literally.
    Mark,
    /// A word of letters, digits and underscores.
    Word,
    /// What a pattern of [`STOCK`] matches, by its index there.
    Stock(usize),
    Integer,
    Float,
    /// The word right after a number.
    Unit,
    Level,
    Method,
    Host,
    IpOrHost,
    /// The name of a source file.
    Source,
    /// What stands between a pair of such quotes.
    Quoted(char),
    /// A dash in the place of a value.
    Missing,
    /// Anything else without a space.
    Other,
    /// The rest of a long line.
    Rest,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'l> {
    pub(super) kind: Kind,
    pub(super) text: &'l str,
}

/// A stock pattern that is looked for in lines, and the field that it goes into with ECS and before.
pub(super) struct StockToken {
    pub(super) pattern: &'static str,
    pub(super) field: [&'static str; 2],
    /// Whether it may hold white space, colons and other marks, so that it is looked for before the line is cut there.
    pub(super) is_long: bool,
}

const fn stock(pattern: &'static str, ecs: &'static str, legacy: &'static str) -> StockToken {
    StockToken {
        pattern,
        field: [ecs, legacy],
        is_long: true,
    }
}

const fn short(pattern: &'static str, ecs: &'static str, legacy: &'static str) -> StockToken {
    StockToken {
        is_long: false,
        ..stock(pattern, ecs, legacy)
    }
}

/// In the order in which they are tried. One without a field has captures of its own.
pub(super) const STOCK: &[StockToken] = &[
    stock("COMBINEDAPACHELOG", "", ""),
    stock("COMMONAPACHELOG", "", ""),
    stock("SYSLOGBASE", "", ""),
    stock("TIMESTAMP_ISO8601", "timestamp", "timestamp"),
    stock("HTTPDATE", "timestamp", "timestamp"),
    stock("HTTPDERROR_DATE", "timestamp", "timestamp"),
    stock("DATESTAMP_RFC2822", "timestamp", "timestamp"),
    stock("DATESTAMP_OTHER", "timestamp", "timestamp"),
    stock("HAPROXYDATE", "timestamp", "timestamp"),
    stock("CATALINA_DATESTAMP", "timestamp", "timestamp"),
    stock("NGINX_ERROR_DATE", "timestamp", "timestamp"),
    stock("SYSLOGTIMESTAMP", "timestamp", "timestamp"),
    stock("CISCOTIMESTAMP", "timestamp", "timestamp"),
    stock("DATESTAMP", "timestamp", "timestamp"),
    stock("TIME", "time", "time"),
    stock("URI", "[url][original]", "url"),
    stock("MAC", "[source][mac]", "mac"),
    stock("IP", "[source][ip]", "clientip"),
    short("UUID", "id", "id"),
    short("EMAILADDRESS", "[user][email]", "email"),
    short("BASE16NUM", "code", "code"),
    short("JAVACLASS", "[log][logger]", "class"),
    short("UNIXPATH", "[file][path]", "path"),
    short("URIPATHPARAM", "[url][original]", "request"),
];

/// How many parts of a line are told apart.
const MOST_TOKENS: usize = 200;

/// Where paths of files begin.
const ROOTS: [&str; 11] = [
    "/var/", "/usr/", "/etc/", "/home/", "/opt/", "/tmp/", "/srv/", "/dev/", "/proc/", "/mnt/",
    "/root/",
];

/// What names of source files end with.
const SOURCES: [&str; 16] = [
    ".c", ".cc", ".cpp", ".cs", ".go", ".h", ".java", ".js", ".kt", ".php", ".pl", ".py", ".rb",
    ".rs", ".scala", ".ts",
];

/// Patterns of [`STOCK`] that the library does not have, and the kinds that have none there.
const OWN: &[(&str, &str)] = &[(
    "NGINX_ERROR_DATE",
    "%{YEAR}/%{MONTHNUM2}/%{MONTHDAY} %{TIME}",
)];

/// Characters that end a word and stand for themselves.
const MARKS: &str = "[](){}<>,;|=\"':";

/// Characters that end a path.
const PATH_ENDS: &str = "[]()<>,;|\"'";

/// The methods of HTTP.
const METHODS: [&str; 9] = [
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE",
];

/// Cuts lines into tokens.
pub(super) struct Tokenizer {
    /// For each pattern of [`STOCK`], where it begins here, and whether it is all of a text.
    stock: Vec<(Grok, Grok)>,
    level: Grok,
    host: Grok,
    scratch: Scratch,
}

/// The definition of a pattern of [`STOCK`] where the library has none.
pub(super) fn own_definition(pattern: &str) -> Option<&'static str> {
    OWN.iter()
        .find(|(name, _)| *name == pattern)
        .map(|(_, definition)| *definition)
}

impl Tokenizer {
    pub(super) fn new(library: &Library) -> Result<Self, GrokError> {
        let whole = |pattern: &str| Grok::compile(&format!("\\A(?:{pattern})\\z"), library, true);
        let stock = STOCK.iter().map(|stock| {
            let reference = format!("%{{{}}}", stock.pattern);
            let text = own_definition(stock.pattern).unwrap_or(&reference);
            let here = Grok::compile(&format!("\\A(?:{text})"), library, true)?;
            Ok((here, whole(text)?))
        });
        Ok(Self {
            stock: stock.collect::<Result<_, GrokError>>()?,
            level: whole("%{LOGLEVEL}")?,
            host: whole("%{HOSTNAME}")?,
            scratch: Scratch::default(),
        })
    }

    /// The tokens of a line, which together are all of it.
    pub(super) fn tokens<'l>(&mut self, line: &'l str) -> Vec<Token<'l>> {
        let mut tokens = Vec::new();
        let mut at = 0;
        while at < line.len() && tokens.len() < MOST_TOKENS {
            at = self.push_next(line, at, &mut tokens);
        }
        if at < line.len() {
            let (kind, text) = (Kind::Rest, &line[at..]);
            tokens.push(Token { kind, text });
        }
        for at in 1..tokens.len().saturating_sub(1) {
            let is_mark = |at: usize, text: &str| {
                tokens[at]
                    == Token {
                        kind: Kind::Mark,
                        text,
                    }
            };
            let is_bracketed = is_mark(at - 1, "[") && is_mark(at + 1, "]");
            let word = &tokens[at];
            if is_bracketed && word.kind == Kind::Word && self.is_whole(|all| &all.level, word.text)
            {
                tokens[at].kind = Kind::Level;
            }
        }
        tokens
    }

    /// Adds what begins at `at`; returns where it ends.
    fn push_next<'l>(&mut self, line: &'l str, at: usize, tokens: &mut Vec<Token<'l>>) -> usize {
        let mut push = |kind, text: &'l str| {
            tokens.push(Token { kind, text });
            at + text.len()
        };
        let rest = &line[at..];
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            let end = rest.find(|c: char| !c.is_whitespace());
            return push(Kind::Space, &rest[..end.unwrap_or(rest.len())]);
        }
        if let Some((kind, end)) = self.stock_at(line, at) {
            return push(kind, &line[at..end]);
        }
        if matches!(first, '"' | '\'')
            && let Some(inside) = quoted(rest, first)
            && !begins_request(inside)
        {
            return push(Kind::Quoted(first), &rest[..inside.len() + 2]);
        }
        if MARKS.contains(first) {
            return push(Kind::Mark, &rest[..first.len_utf8()]);
        }
        // A path may hold what elsewhere divides words.
        let marks = if first == '/' { PATH_ENDS } else { MARKS };
        let end = rest.find(|c: char| c.is_whitespace() || marks.contains(c));
        let word = &rest[..end.unwrap_or(rest.len())];
        let is_plain = |c: char| !matches!(c, '.' | '!' | '?');
        let trimmed = &word[..word.rfind(is_plain).map_or(word.len(), |last| {
            last + word[last..].chars().next().map_or(1, char::len_utf8)
        })];
        if !trimmed.contains(is_plain) {
            return push(Kind::Mark, trimmed);
        }
        if let Some(version) = trimmed.strip_prefix("HTTP/")
            && is_number(version)
        {
            push(Kind::Word, "HTTP");
            push(Kind::Mark, "/");
            push(Kind::Float, version);
            return at + trimmed.len();
        }
        let number = trimmed
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')))
            .filter(|&end| {
                !trimmed.starts_with("0x") && is_number(&trimmed[..end]) && is_unit(&trimmed[end..])
            });
        if let Some(end) = number {
            let (number, unit) = trimmed.split_at(end);
            push(self.kind_of(number), number);
            push(Kind::Unit, unit);
            return at + trimmed.len();
        }
        push(self.kind_of(trimmed), trimmed)
    }

    /// The stock pattern that begins here and ends at the end of a word.
    fn stock_at(&mut self, line: &str, at: usize) -> Option<(Kind, usize)> {
        let bytes = line.as_bytes();
        for (number, (here, _)) in self.stock.iter().enumerate() {
            let is_at_start = at == 0 || !STOCK[number].field[0].is_empty();
            if !STOCK[number].is_long || !is_at_start {
                continue;
            }
            let found = here.matches(&line[at..], &mut self.scratch);
            let span = self.scratch.span(0).filter(|_| found == Ok(true));
            let Some(mut end) = span.map(|(_, end)| at + end) else {
                continue;
            };
            if STOCK[number].pattern == "URI" {
                end -= line[at..end].len()
                    - line[at..end].trim_end_matches(['.', ',', ')', ';']).len();
            }
            let goes_on = bytes
                .get(end)
                .is_some_and(|&next| next.is_ascii_alphanumeric() || matches!(next, b'_' | b'-'));
            // A number with a sign or a point is no address and no time.
            if end > at + 1 && !goes_on {
                return Some((Kind::Stock(number), end));
            }
        }
        None
    }

    fn kind_of(&mut self, word: &str) -> Kind {
        if word == "-" {
            return Kind::Missing;
        }
        if is_number(word) {
            return match word.contains('.') {
                true => Kind::Float,
                false => Kind::Integer,
            };
        }
        if METHODS.contains(&word) {
            return Kind::Method;
        }
        let is_upper = word.chars().all(|c| c.is_ascii_uppercase());
        if is_upper && self.is_whole(|all| &all.level, word) {
            return Kind::Level;
        }
        for (number, stock) in STOCK.iter().enumerate() {
            let is_telling = match stock.pattern {
                "BASE16NUM" => word.starts_with("0x"),
                "JAVACLASS" => {
                    let last = word.rsplit('.').next().unwrap_or("");
                    word.matches('.').count() >= 2
                        && last.starts_with(|c: char| c.is_ascii_uppercase())
                }
                "EMAILADDRESS" => word
                    .split_once('@')
                    .is_some_and(|(_, host)| host.contains('.')),
                "UNIXPATH" => ROOTS.iter().any(|root| word.starts_with(root)),
                "URIPATHPARAM" => word.starts_with('/'),
                _ => !stock.is_long,
            };
            if is_telling && self.is_whole(|all| &all.stock[number].1, word) {
                return Kind::Stock(number);
            }
        }
        if word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Kind::Word;
        }
        if SOURCES.iter().any(|end| word.ends_with(end)) {
            return Kind::Source;
        }
        let has_letters = word.bytes().any(|b| b.is_ascii_alphabetic());
        if word.contains('.') && has_letters && self.is_whole(|all| &all.host, word) {
            return Kind::Host;
        }
        Kind::Other
    }

    fn is_whole(&mut self, pattern: impl Fn(&Self) -> &Grok, text: &str) -> bool {
        let regex = pattern(self).regex().clone();
        regex.captures_at(text, 0, &mut self.scratch) == Ok(true)
    }
}

/// What stands between the quote at the start and the one that closes it, if it closes at the end of a word.
fn quoted(text: &str, quote: char) -> Option<&str> {
    let inside = &text[1..];
    let mut escaped = false;
    let end = inside.find(|c| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    let next = inside[end + 1..].chars().next();
    next.is_none_or(|c| c.is_whitespace() || MARKS.contains(c) || matches!(c, '.' | '}'))
        .then(|| &inside[..end])
}

/// Whether this is the first line of an HTTP request, which is worth taking apart.
fn begins_request(text: &str) -> bool {
    let mut words = text.split(' ');
    words.next().is_some_and(|word| METHODS.contains(&word))
        && words.next().is_some()
        && words.next().is_some_and(|word| word.starts_with("HTTP/"))
        && words.next().is_none()
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(rest)
}

/// What may stand right after a number.
fn is_unit(text: &str) -> bool {
    (1..=3).contains(&text.chars().count())
        && text
            .chars()
            .all(|c| c.is_alphabetic() || matches!(c, '%' | 'µ'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grok::PatternSet;

    #[test]
    fn lines_fall_into_tokens() {
        let mut tokenizer = Tokenizer::new(&Library::new(PatternSet::EcsV1)).unwrap();
        let mut kinds = |line: &str| {
            let tokens = tokenizer.tokens(line);
            assert_eq!(
                tokens.iter().map(|token| token.text).collect::<String>(),
                line
            );
            let shown = tokens.iter().filter(|token| token.kind != Kind::Space);
            shown
                .map(|token| match token.kind {
                    Kind::Stock(number) => STOCK[number].pattern.to_owned(),
                    Kind::Mark => token.text.to_owned(),
                    kind => format!("{kind:?}"),
                })
                .collect::<Vec<_>>()
                .join(" ")
        };
        for (line, want) in [
            (
                "2026-11-25T10:15:30.123Z INFO x",
                "TIMESTAMP_ISO8601 Level Word",
            ),
            (
                "took 12.5ms, 3 of -4",
                "Word Float Unit , Integer Word Integer",
            ),
            (
                "user=\"a b\" ip=10.0.0.1:80",
                "Word = Quoted('\"') Word = IP : Integer",
            ),
            ("GET /a?b=c HTTP/1.1", "Method URIPATHPARAM Word / Float"),
            (
                "é-ä org.example.Main db.example.net",
                "Other JAVACLASS Host",
            ),
            (
                "(a.py:7) [warn] /var/log/x",
                "( Source : Integer ) [ Level ] UNIXPATH",
            ),
            ("Nov 25 10:15:30 web-1 sshd[7]: x", "SYSLOGBASE Word"),
            ("- 0xff it's.", "Missing BASE16NUM Word ' Word ."),
        ] {
            assert_eq!(kinds(line), want, "{line}");
        }
    }
}
