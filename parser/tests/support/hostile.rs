//! Patterns that take a plain backtracking engine quadratic to exponential time, and the lines for it.

/// A name, a pattern that does not match, and what its line is made of.
pub const CASES: &[(&str, &str, &str)] = &[
    ("nested plus", "^(?:(?:a+)+)b", "a"),
    ("nested alternatives", "(?:a|aa|a?)*b", "a"),
    ("nested star, class", "(?:[a-z]*)*1", "a"),
    (
        "four GREEDYDATA",
        "%{GREEDYDATA:a} %{GREEDYDATA:b} %{GREEDYDATA:c} %{GREEDYDATA:d} END",
        "x ",
    ),
    (
        "four DATA",
        "%{DATA:a} %{DATA:b} %{DATA:c} %{DATA:d} END",
        "x ",
    ),
    ("URI", "%{URI:u}", "a"),
    ("URIPROTO nest", "(?:%{URIPROTO}+)+://", "a"),
    ("UNIXPATH", "%{UNIXPATH:p}!", "/"),
    ("UNIXPATH, words", "%{UNIXPATH:p}!", "/a"),
    ("JAVACLASS", "%{JAVACLASS:p} -", "a."),
    ("EMAILADDRESS", "%{EMAILADDRESS:p}", "a"),
    ("HOSTNAME", "%{HOSTNAME:h}!", "a."),
    ("IPV6", "%{IPV6:i}!", "1:"),
    ("COMBINEDAPACHELOG", "%{COMBINEDAPACHELOG}", "1.1.1.1 "),
    ("two QS", "%{QS:a} %{QS:b} END", "\"a\" "),
    ("QS, not closed", "%{QS:a}", "\\\""),
    ("HAPROXYHTTP", "%{HAPROXYHTTP}", "Nov 25 10:15:30 "),
    ("SYSLOGLINE", "%{SYSLOGLINE}END", "Nov 25 10:15:30 h "),
    (
        "many NOTSPACE",
        "(?:%{NOTSPACE} )*(?:%{NOTSPACE} )*(?:%{NOTSPACE} )*x$",
        "x ",
    ),
    (
        "alternatives of DATA",
        "(?:%{DATA:a},|%{DATA:b};|%{DATA:c}:)+!",
        "x",
    ),
];

/// What lines for every stock pattern are made of.
pub const UNITS: &[&str] = &[
    "a",
    "0",
    "/",
    "x ",
    "a.",
    "1.1.1.1 ",
    "::",
    "a@",
    "\"a\" ",
    "a-",
    "%20",
    "é",
    "[a] ",
    "http://",
    "Nov 25 10:15:30 ",
    "2026-11-25T10:15:30 ",
];
