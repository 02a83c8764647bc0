//! What the stock patterns are that have a matcher.

use super::Matcher;

macro_rules! monthday {
    () => {
        "(?:(?:0[1-9])|(?:[12][0-9])|(?:3[01])|[1-9])"
    };
}
macro_rules! month { () => { r"\b(?:[Jj]an(?:uary|uar)?|[Ff]eb(?:ruary|ruar)?|[Mm](?:a|ä)?r(?:ch|z)?|[Aa]pr(?:il)?|[Mm]a(?:y|i)?|[Jj]un(?:e|i)?|[Jj]ul(?:y|i)?|[Aa]ug(?:ust)?|[Ss]ep(?:tember)?|[Oo](?:c|k)?t(?:ober)?|[Nn]ov(?:ember)?|[Dd]e(?:c|z)(?:ember)?)\b" } }
macro_rules! year {
    () => {
        r"(?>\d\d){1,2}"
    };
}
macro_rules! hour {
    () => {
        "(?:2[0123]|[01]?[0-9])"
    };
}
macro_rules! minute {
    () => {
        "(?:[0-5][0-9])"
    };
}
macro_rules! second {
    () => {
        "(?:(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?)"
    };
}
macro_rules! time {
    () => {
        concat!(
            "(?!<[0-9])",
            hour!(),
            ":",
            minute!(),
            "(?::",
            second!(),
            ")(?![0-9])"
        )
    };
}
macro_rules! int {
    () => {
        "(?:[+-]?(?:[0-9]+))"
    };
}
/// A date of an access log, and a number after `$between`.
macro_rules! access_date {
    ($between:literal) => {
        concat!(
            monthday!(),
            "/(?:",
            month!(),
            ")/(?:",
            year!(),
            "):(?:",
            time!(),
            ")",
            $between,
            int!()
        )
    };
}
macro_rules! ipv4 { () => { "(?<![0-9])(?:(?:[0-1]?[0-9]{1,2}|2[0-4][0-9]|25[0-5])[.](?:[0-1]?[0-9]{1,2}|2[0-4][0-9]|25[0-5])[.](?:[0-1]?[0-9]{1,2}|2[0-4][0-9]|25[0-5])[.](?:[0-1]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]))(?![0-9])" } }
macro_rules! quad {
    () => {
        r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3})"
    };
}
macro_rules! h {
    () => {
        "[0-9A-Fa-f]{1,4}"
    };
}
macro_rules! ipv6_some {
    ($groups:literal, $tail:literal) => {
        concat!(
            "(?:(?:",
            h!(),
            ":){",
            $groups,
            "}(?:(?:(?::",
            h!(),
            "){1,",
            $tail,
            "})|"
        )
    };
}
macro_rules! ipv6 {
    () => {
        concat!(
            "(?:(?:(?:",
            h!(),
            ":){7}(?:",
            h!(),
            "|:))",
            "|(?:(?:",
            h!(),
            ":){6}(?::",
            h!(),
            "|",
            quad!(),
            "|:))",
            "|",
            ipv6_some!("5", "2"),
            ":",
            quad!(),
            "|:))",
            "|",
            ipv6_some!("4", "3"),
            "(?:(?::",
            h!(),
            ")?:",
            quad!(),
            ")|:))",
            "|",
            ipv6_some!("3", "4"),
            "(?:(?::",
            h!(),
            "){0,2}:",
            quad!(),
            ")|:))",
            "|",
            ipv6_some!("2", "5"),
            "(?:(?::",
            h!(),
            "){0,3}:",
            quad!(),
            ")|:))",
            "|",
            ipv6_some!("1", "6"),
            "(?:(?::",
            h!(),
            "){0,4}:",
            quad!(),
            ")|:))",
            "|(?::(?:(?:(?::",
            h!(),
            "){1,7})|(?:(?::",
            h!(),
            "){0,5}:",
            quad!(),
            ")|:)))(?:%.+)?"
        )
    };
}
macro_rules! hostname {
    () => {
        r"\b(?:[0-9A-Za-z][0-9A-Za-z-]{0,62})(?:\.(?:[0-9A-Za-z][0-9A-Za-z-]{0,62}))*(?:\.?|\b)"
    };
}
macro_rules! ip {
    () => {
        concat!("(?:(?:", ipv6!(), ")|(?:", ipv4!(), "))")
    };
}
macro_rules! local_part_ecs {
    () => {
        r"[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~]{1,64}(?:\.[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~]{1,62}){0,63}"
    };
}

/// The stock definitions, written out, with the `interior` of each as in a class.
pub(super) const STOCK: &[(Matcher, &str, &str)] = &[
    (
        Matcher::IpOrHost,
        concat!("(?:", ip!(), "|", hostname!(), ")"),
        "0-9A-Za-z.-",
    ),
    (Matcher::Ip, ip!(), ""),
    (Matcher::HttpDate, access_date!(" "), "0-9"),
    (Matcher::HaproxyDate, access_date!("."), "0-9"),
    (
        Matcher::IsoTimestamp,
        concat!(
            "(?:",
            year!(),
            ")-(?:0?[1-9]|1[0-2])-",
            monthday!(),
            "[T ]",
            hour!(),
            ":?",
            minute!(),
            "(?::?",
            second!(),
            ")?(?:Z|[+-]",
            hour!(),
            "(?::?",
            minute!(),
            "))?"
        ),
        "0-9:.,+Z-",
    ),
    (
        Matcher::SyslogTimestamp,
        concat!("(?:", month!(), ") +", monthday!(), " (?:", time!(), ")"),
        "",
    ),
    (Matcher::Month, month!(), ""),
    (Matcher::MonthDay, monthday!(), "0-9"),
    (Matcher::Year, year!(), "0-9"),
    (Matcher::Hour, hour!(), "0-9"),
    (
        Matcher::Number,
        r"(?<![0-9.+-])(?>[+-]?(?:(?:[0-9]+(?:\.[0-9]+)?)|(?:\.[0-9]+)))",
        "",
    ),
    (Matcher::Int, int!(), "0-9"),
    (
        Matcher::QuotedString,
        r#"(?>(?<!\\)(?>"(?>\\.|[^\\"]+)+"|""|(?>'(?>\\.|[^\\']+)+')|''|(?>`(?>\\.|[^\\`]+)+`)|``))"#,
        "",
    ),
    (
        Matcher::HttpdUser,
        concat!(
            "(?:[a-zA-Z][a-zA-Z0-9_.+-=:]+@(?:",
            hostname!(),
            ")|[a-zA-Z0-9._-]+)"
        ),
        "0-9A-Za-z._-",
    ),
    (
        Matcher::HttpdUser,
        concat!(
            "(?:(?:",
            local_part_ecs!(),
            ")@(?:",
            hostname!(),
            ")|[a-zA-Z0-9._-]+)"
        ),
        "0-9A-Za-z._-",
    ),
    (
        Matcher::JavaClass,
        r"(?:[a-zA-Z$_][a-zA-Z$_0-9]*\.)*[a-zA-Z$_][a-zA-Z$_0-9]*",
        "0-9A-Za-z$_.",
    ),
    (
        Matcher::LogLevel,
        "(?:[Aa]lert|ALERT|[Tt]race|TRACE|[Dd]ebug|DEBUG|[Nn]otice|NOTICE|[Ii]nfo?(?:rmation)?|INFO?(?:RMATION)?|[Ww]arn?(?:ing)?|WARN?(?:ING)?|[Ee]rr?(?:or)?|ERR?(?:OR)?|[Cc]rit?(?:ical)?|CRIT?(?:ICAL)?|[Ff]atal|FATAL|[Ss]evere|SEVERE|EMERG(?:ENCY)?|[Ee]merg(?:ency)?)",
        "A-Za-z",
    ),
    (Matcher::PositiveInt, r"\b(?:[1-9][0-9]*)\b", ""),
];
