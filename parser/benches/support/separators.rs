//! Inputs of signs that open and never close, of digits without end, of lists in lists: what a filter might look for again and
//! again.

use super::Row;

fn repeat(piece: &str, size: usize) -> String {
    super::message(&piece.repeat(size / piece.len()))
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}1{}", open.repeat(depth), close.repeat(depth))
}

pub fn rows() -> Vec<Row> {
    let row = |name, options: &str, shows, size, event| -> Row {
        (name, options.to_owned(), shows, size, event)
    };
    vec![
        row("kv", "", "brackets that do not close", 50_000, |n| {
            repeat("a=[", n)
        }),
        row("kv", "", "all kinds of brackets", 50_000, |n| {
            repeat("a=[b(c<", n)
        }),
        row("kv", "", "quotes that do not close", 50_000, |n| {
            repeat("a=\"b ", n)
        }),
        row("kv", "", "escaped quotes", 50_000, |n| {
            repeat("a=\"\\\"", n)
        }),
        row("kv", "", "separators alone", 50_000, |n| repeat("=", n)),
        row("kv", "", "escapes alone", 50_000, |n| repeat("\\", n)),
        row(
            "kv",
            "whitespace => strict",
            "separators, strict",
            50_000,
            |n| repeat("= ", n),
        ),
        row(
            "kv",
            "recursive => true",
            "pairs in brackets",
            20_000,
            |n| repeat("a=[b=c] ", n),
        ),
        row(
            "kv",
            "field_split_pattern => \"(?:&|\\s+)+\" value_split_pattern => \"=+\"",
            "patterns of separators",
            20_000,
            |n| repeat("a  &&  ==== ", n),
        ),
        row(
            "kv",
            "trim_value => \"a\" trim_key => \"a\" remove_char_value => \"b\"",
            "what is trimmed",
            50_000,
            |n| super::message(&format!("{0}={0}", "ab".repeat(n / 4))),
        ),
        row("kv", "", "no ASCII", 50_000, |n| repeat("ž=é ", n)),
        row("csv", "", "quotes alone", 50_000, |n| repeat("\"", n)),
        row("csv", "", "quotes that do not close", 50_000, |n| {
            repeat("\"a,", n)
        }),
        row(
            "csv",
            "separator => \"ab\"",
            "a separator of two letters",
            50_000,
            |n| repeat("a", n),
        ),
        row(
            "dissect",
            "mapping => { \"message\" => \"%{a->} %{b} %{+b}x%{c}\" }",
            "padding",
            50_000,
            |n| repeat(" ", n),
        ),
        row(
            "dissect",
            "mapping => { \"message\" => \"%{a}aaaaaaaaaaaaaaab%{c}\" }",
            "almost a delimiter",
            50_000,
            |n| repeat("a", n),
        ),
        row(
            "split",
            "terminator => \"aaaaaaaaaaaaaaab\"",
            "almost a terminator",
            50_000,
            |n| repeat("a", n),
        ),
        row(
            "json",
            "source => \"message\"",
            "lists in lists",
            200,
            |n| super::message(&nested("[", "]", n)),
        ),
        row(
            "json",
            "source => \"message\"",
            "lists that do not close",
            20_000,
            |n| repeat("[", n),
        ),
        row("json", "source => \"message\"", "escapes", 50_000, |n| {
            super::message(&format!("{{\"a\":\"{}\"}}", "\\u00e9\\n".repeat(n / 8)))
        }),
        row("json", "source => \"message\"", "digits", 50_000, |n| {
            super::message(&format!(
                "{{\"a\":{0},\"b\":0.{0},\"c\":{0}e{1}}}",
                "7".repeat(n / 3),
                9999
            ))
        }),
        row(
            "json",
            "source => \"message\"",
            "one name again and again",
            20_000,
            |n| super::message(&format!("{{{}\"z\":0}}", "\"a\":1,".repeat(n / 6))),
        ),
        row(
            "mutate",
            "convert => { \"message\" => integer }",
            "digits",
            50_000,
            |n| repeat("7", n),
        ),
        row(
            "mutate",
            "convert => { \"message\" => float }",
            "digits",
            50_000,
            |n| repeat("7", n),
        ),
        row(
            "mutate",
            "convert => { \"message\" => integer_eu }",
            "digits and dots",
            50_000,
            |n| repeat("7.", n),
        ),
        row(
            "mutate",
            "gsub => [\"message\", \"\", \"x\"]",
            "an empty match everywhere",
            50_000,
            |n| repeat("a", n),
        ),
        row(
            "mutate",
            "gsub => [\"message\", \"(a|ab)*c\", \"x\"]",
            "almost a match everywhere",
            20_000,
            |n| repeat("ab", n),
        ),
        row(
            "mutate",
            "gsub => [\"message\", \"\\s+$\", \"\"]",
            "spaces before something",
            20_000,
            |n| super::message(&format!("{}x", " ".repeat(n))),
        ),
        row(
            "mutate",
            "gsub => [\"message\", \"(?<a>.)\\k<a>$\", \"\"]",
            "a back reference",
            20_000,
            |n| repeat("a", n - 1),
        ),
        row(
            "mutate",
            "strip => [\"message\"] capitalize => [\"message\"]",
            "no ASCII",
            50_000,
            |n| repeat("\u{1f600}ß ", n),
        ),
        row(
            "mutate",
            "split => { \"message\" => \"aaaaaaaaaaaaaaab\" }",
            "almost a separator",
            50_000,
            |n| repeat("a", n),
        ),
        row(
            "bytes",
            "source => \"message\" target => \"n\"",
            "digits",
            50_000,
            |n| repeat("7", n),
        ),
        row(
            "extractnumbers",
            "source => \"message\"",
            "digits",
            50_000,
            |n| repeat("7", n),
        ),
        row(
            "syslog_pri",
            "syslog_pri_field_name => \"message\"",
            "digits",
            50_000,
            |n| repeat("7", n),
        ),
        row(
            "urldecode",
            "field => \"message\"",
            "escapes that are none",
            50_000,
            |n| repeat("%", n),
        ),
        row(
            "date",
            "match => [\"message\", \"UNIX\", \"UNIX_MS\", \"TAI64N\", \"ISO8601\", \"MMM dd yyyy HH:mm:ss\"]",
            "digits",
            50_000,
            |n| repeat("7", n),
        ),
        row(
            "date",
            "match => [\"message\", \"MMMM dd EEEE yyyy zzz\"]",
            "spaces",
            50_000,
            |n| repeat(" ", n),
        ),
        row(
            "truncate",
            "length_bytes => 3",
            "lists in lists",
            200,
            |n| format!("{{\"message\":{}}}", nested("[", "]", n)),
        ),
        row(
            "truncate",
            "length_bytes => 49999 fields => [\"message\"]",
            "no ASCII",
            50_000,
            |n| repeat("ž", n),
        ),
        row(
            "fingerprint",
            "source => [\"message\"] method => \"PUNCTUATION\"",
            "separators",
            50_000,
            |n| repeat(",a", n),
        ),
        row(
            "json_encode",
            "source => \"message\"",
            "lists in lists",
            200,
            |n| format!("{{\"message\":{}}}", nested("[", "]", n)),
        ),
        row(
            "xml",
            "source => \"message\" target => \"x\"",
            "many attributes",
            5_000,
            with_attributes,
        ),
        row(
            "xml",
            "source => \"message\" store_xml => false xpath => { \"//@a1\" => \"x\" }",
            "many attributes, a path",
            5_000,
            with_attributes,
        ),
        row(
            "xml",
            "source => \"message\" target => \"x\" xpath => { \"//a\" => \"y\" }",
            "many prefixes",
            2_000,
            |n| {
                let prefixes = super::text_of(n, |k| format!("xmlns:a{k}='{k}' "));
                super::message(&format!(
                    "<r {prefixes}>{}</r>",
                    super::text_of(n, |k| format!("<a{k}:b/>"))
                ))
            },
        ),
        row(
            "xml",
            "source => \"message\" target => \"x\" xpath => { \"//a\" => \"y\" }",
            "many references",
            50_000,
            |n| super::message(&format!("<a>{}</a>", "&lt;x".repeat(n / 5))),
        ),
        row(
            "xml",
            "source => \"message\" target => \"x\" xpath => { \"//a\" => \"y\" }",
            "tags that do not close",
            50_000,
            |n| repeat("<a b='", n),
        ),
        row(
            "useragent",
            "source => \"message\" target => \"u\"",
            "a long agent",
            20_000,
            |n| repeat("Mozilla/5.0 (a; ", n),
        ),
        row(
            "translate",
            "source => \"message\" target => \"t\" regex => true exact => false dictionary => { \"(a+)+b\" => \"x\" \"b$\" => \"y\" }",
            "almost a match",
            20_000,
            |n| repeat("a", n),
        ),
        row(
            "alter",
            "coalesce => [\"x\", \"%{message}\", \"y\"] condrewrite => [\"message\", \"a\", \"b\"]",
            "long text",
            50_000,
            |n| repeat("a", n),
        ),
        row(
            "i18n",
            "transliterate => [\"message\"]",
            "no ASCII",
            50_000,
            |n| repeat("žé日", n),
        ),
        row("de_dot", "nested => true", "dots alone", 2_000, |n| {
            format!("{{\"{}\":1}}", ".".repeat(n))
        }),
        row(
            "prune",
            "whitelist_names => [\"(a|aa)+$\"]",
            "names that almost match",
            500,
            |n| super::fields(n, |k| format!("{}{k}", "a".repeat(50))),
        ),
        row(
            "grok",
            "match => { \"message\" => \"%{DATA:a}%{DATA:b},%{DATA:c};%{GREEDYDATA:d}\" }",
            "separators",
            20_000,
            |n| repeat(",", n),
        ),
        row(
            "aggregate",
            "task_id => \"%{message}\" code => \"map['n'] ||= 0; map['n'] += 1\"",
            "a long task",
            50_000,
            |n| repeat("a", n),
        ),
        row(
            "throttle",
            "key => \"%{message}\" after_count => 3 add_tag => \"t\"",
            "a long key",
            50_000,
            |n| repeat("a", n),
        ),
        row(
            "ruby",
            "code => \"event.set('x', event.get('message').scan(/(a+)+b/).length)\"",
            "almost a match",
            5_000,
            |n| repeat("a", n),
        ),
        row(
            "ruby",
            "code => \"event.get('message').each_char { |c| event.set('x', c) }\"",
            "each letter",
            5_000,
            |n| repeat("ž", n),
        ),
    ]
}

/// A message of an element with so many attributes.
fn with_attributes(n: usize) -> String {
    let attributes = super::text_of(n, |k| format!("a{k}='1' "));
    super::message(&format!("<a {attributes}/>"))
}
