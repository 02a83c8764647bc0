//! What Joda-Time 2.12 answered to the same patterns and texts.

use super::*;
use crate::time::Timestamp;

/// 2026-07-01
const NOW: i64 = 1_782_864_000;

fn read_at(pattern: &str, text: &str, locale: &str, zone: &str, now: i64) -> Option<String> {
    let pattern = JodaPattern::new(pattern, &Locale::new(locale).unwrap()).unwrap();
    let zone = Zone::new(zone).unwrap();
    let now = Now::from(Timestamp::new(now, 0));
    let millis = pattern.parse_millis(text, &zone, now)?;
    let mut out = Vec::new();
    Timestamp::from_millis(millis).write_iso8601(&mut out);
    Some(String::from_utf8(out).unwrap())
}

fn check(pattern: &str, text: &str, expected: Option<&str>) {
    let read = read_at(pattern, text, "en", "UTC", NOW);
    assert_eq!(read.as_deref(), expected, "{pattern} on {text}");
}

#[test]
fn access_logs() {
    let pattern = "dd/MMM/yyyy:HH:mm:ss Z";
    for (text, expected) in [
        (
            "10/Oct/2000:13:55:36 -0700",
            Some("2000-10-10T20:55:36.000Z"),
        ),
        (
            "10/oct/2000:13:55:36 -07:00",
            Some("2000-10-10T20:55:36.000Z"),
        ),
        ("1/OCTOBER/2000:1:5:6 Z", Some("2000-10-01T01:05:06.000Z")),
        ("10/Oct/2000:13:55:36 UTC", None),
        ("10/Oct/2000:13:55:36", None),
        ("10/Oct/2000:24:55:36 +0000", None),
        ("31/Sep/2000:13:55:36 +0000", None),
        ("10/Oct/2000:13:55:36 +0000 ", None),
        ("10/Okt/2000:13:55:36 +0000", None),
        ("010/Oct/2000:13:55:36 +0000", None),
    ] {
        check(pattern, text, expected);
    }
}

#[test]
fn digits_are_taken_greedily_unless_digits_follow() {
    check(
        "yyyyMMddHHmmss",
        "20200102030405",
        Some("2020-01-02T03:04:05.000Z"),
    );
    check(
        "yyyy-MM-dd",
        "12020-1-2",
        Some("+12020-01-02T00:00:00.000Z"),
    );
    check("yyyy-MM-dd", "20-01-02", Some("0020-01-02T00:00:00.000Z"));
    check(
        "yyyy-MM-dd",
        "-0001-01-02",
        Some("-0001-01-02T00:00:00.000Z"),
    );
    check("YYYY-MM-dd", "-0001-01-02", None);
    check("YYYY-MM-dd", "0000-01-02", None);
    check(
        "H:m yyyy-M-d",
        "3:4 2020-1-2",
        Some("2020-01-02T03:04:00.000Z"),
    );
    check("HHmm", "123", Some("2026-01-01T12:03:00.000Z"));
    check("yyyy", "9999999999", None);
}

#[test]
fn two_digit_years_lie_between_80_years_ago_and_19_years_ahead() {
    check("yy-MM-dd", "99-01-02", Some("1999-01-02T00:00:00.000Z"));
    check("yy-MM-dd", "45-01-02", Some("2045-01-02T00:00:00.000Z"));
    check("yy-MM-dd", "46-01-02", Some("1946-01-02T00:00:00.000Z"));
    check("yy-MM-dd", "2020-01-02", Some("2020-01-02T00:00:00.000Z"));
    check("yy-MM-dd", "9-01-02", Some("0009-01-02T00:00:00.000Z"));
    check("yyMMdd", "200102", Some("2020-01-02T00:00:00.000Z"));
    check("yyMMdd", "9", None);
}

#[test]
fn fractions() {
    for (text, expected) in [
        ("1.1", Some("1970-01-01T00:00:01.100Z")),
        ("1.12", Some("1970-01-01T00:00:01.120Z")),
        ("1.123", Some("1970-01-01T00:00:01.123Z")),
        ("1.1234", None),
        ("1.", None),
    ] {
        check("s.SSS'y'", &format!("{text}y"), expected);
    }
    check("s.SSSSSS'y'", "1.123999y", Some("1970-01-01T00:00:01.123Z"));
}

#[test]
fn hours() {
    let pattern = "MM/dd/yyyy hh:mm:ss a";
    check(
        pattern,
        "01/02/2020 01:04:05 PM",
        Some("2020-01-02T13:04:05.000Z"),
    );
    check(
        pattern,
        "01/02/2020 12:04:05 am",
        Some("2020-01-02T00:04:05.000Z"),
    );
    check(pattern, "01/02/2020 13:04:05 PM", None);
    check(pattern, "01/02/2020 00:04:05 PM", None);
    check("yyyy k", "2020 24", Some("2020-01-01T00:00:00.000Z"));
    check("yyyy K a", "2020 11 PM", Some("2020-01-01T23:00:00.000Z"));
    check("yyyy H a", "2020 1 PM", Some("2020-01-01T01:00:00.000Z"));
}

#[test]
fn a_wrong_weekday_moves_the_date_within_its_week() {
    let pattern = "EEE, dd MMM yyyy HH:mm:ss Z";
    check(
        pattern,
        "Thu, 02 Jan 2020 03:04:05 +0100",
        Some("2020-01-02T02:04:05.000Z"),
    );
    check(
        pattern,
        "Mon, 02 Jan 2020 03:04:05 +0100",
        Some("2019-12-30T02:04:05.000Z"),
    );
    check("EEE yyyy", "Monday 2020", Some("2020-12-28T00:00:00.000Z"));
}

#[test]
fn weeks_and_days_of_the_year() {
    check("yyyy-DDD", "2013-064", Some("2013-03-05T00:00:00.000Z"));
    check("yyyy-DDD", "2013-366", None);
    // Without a `y` the year is guessed, whatever the week year was.
    check(
        "xxxx-'W'ww-e",
        "2020-W53-5",
        Some("2026-01-01T00:00:00.000Z"),
    );
    check(
        "xxxx-'W'ww-e'y'",
        "2020-W53-5y",
        Some("2021-01-01T00:00:00.000Z"),
    );
    check("xxxx-'W'ww'y'", "2021-W53y", None);
    check("CC yyyy", "20 13", Some("0013-01-01T00:00:00.000Z"));
    check("YYYY G", "44 BC", Some("-0043-01-01T00:00:00.000Z"));
    check("YYYY G", "2020 AD", Some("2020-01-01T00:00:00.000Z"));
}

#[test]
fn zones() {
    let pattern = "yyyy-MM-dd HH:mm:ss";
    let new_york = |text: &str| read_at(pattern, text, "en", "America/New_York", NOW);
    assert_eq!(
        new_york("2020-01-15 12:00:00").unwrap(),
        "2020-01-15T17:00:00.000Z"
    );
    assert_eq!(
        new_york("2020-07-15 12:00:00").unwrap(),
        "2020-07-15T16:00:00.000Z"
    );
    assert_eq!(new_york("2020-03-08 02:30:00"), None);
    assert_eq!(
        new_york("2020-11-01 01:30:00").unwrap(),
        "2020-11-01T05:30:00.000Z"
    );
    check(
        "yyyy-MM-dd HH z",
        "2020-07-15 12 EST",
        Some("2020-07-15T16:00:00.000Z"),
    );
    check(
        "yyyy-MM-dd HH z",
        "2020-07-15 12 UTC",
        Some("2020-07-15T12:00:00.000Z"),
    );
    check("yyyy-MM-dd HH z", "2020-07-15 12 CET", None);
    check("yyyy-MM-dd HH z", "2020-07-15 12 est", None);
    check(
        "yyyy-MM-dd HH ZZZ",
        "2020-07-15 12 Europe/Paris",
        Some("2020-07-15T10:00:00.000Z"),
    );
    check(
        "yyyy-MM-dd HH ZZZ",
        "2020-07-15 12 EST5EDT",
        Some("2020-07-15T16:00:00.000Z"),
    );
    check("yyyy-MM-dd HH ZZZ", "2020-07-15 12 europe/paris", None);
    check(
        "yyyy HHZZ",
        "2020 12+01:30",
        Some("2020-01-01T10:30:00.000Z"),
    );
}

#[test]
fn the_year_is_guessed_over_the_turn_of_the_year() {
    let guess = |text: &str, now: i64| read_at("MMM dd HH:mm:ss", text, "en", "UTC", now).unwrap();
    const JANUARY: i64 = 1_767_830_400; // 2026-01-08
    const DECEMBER: i64 = 1_797_206_400; // 2026-12-14
    assert_eq!(
        guess("Dec 31 23:59:59", JANUARY),
        "2025-12-31T23:59:59.000Z"
    );
    assert_eq!(
        guess("Nov 30 23:59:59", JANUARY),
        "2026-11-30T23:59:59.000Z"
    );
    assert_eq!(
        guess("Jan 01 00:00:00", DECEMBER),
        "2027-01-01T00:00:00.000Z"
    );
    assert_eq!(
        guess("Feb 01 00:00:00", DECEMBER),
        "2026-02-01T00:00:00.000Z"
    );
    assert_eq!(read_at("MMM dd", "Feb 29", "en", "UTC", JANUARY), None);
    // A leap year.
    let leap = Some("2028-02-29T00:00:00.000Z".to_owned());
    assert_eq!(
        read_at("MMM dd", "Feb 29", "en", "UTC", 1_835_000_000),
        leap
    );
    // In the zone of the filter this is December 31st, and stays so in the guessed year.
    assert_eq!(
        read_at(
            "MMM dd HH:mm Z",
            "Jan 01 02:00 +0000",
            "en",
            "America/New_York",
            NOW
        )
        .unwrap(),
        "2027-01-01T02:00:00.000Z"
    );
}

#[test]
fn literals_ignore_case() {
    check("yyyy'T'MM", "2020t02", Some("2020-02-01T00:00:00.000Z"));
    check(
        "yyyy' um 'HH",
        "2020 UM 03",
        Some("2020-01-01T03:00:00.000Z"),
    );
    check("yyyy'É'MM", "2020é02", Some("2020-02-01T00:00:00.000Z"));
    check("yyyy'é'MM", "2020e02", None);
    check(
        "yyyy-MM-dd''HH",
        "2020-01-02'03",
        Some("2020-01-02T03:00:00.000Z"),
    );
}

#[test]
fn other_languages() {
    for (locale, pattern, text, month) in [
        ("fr", "dd MMMM yyyy", "14 juillet 1789", "1789-07-14"),
        ("fr", "dd MMM yyyy", "05 févr. 2013", "2013-02-05"),
        ("de", "EEE dd. MMM yyyy", "Di. 05. März 2013", "2013-03-05"),
        (
            "it-IT",
            "EEEE dd MMMM yyyy",
            "sabato 05 gennaio 2013",
            "2013-01-05",
        ),
        ("pt-BR", "dd MMMM yyyy", "05 março 2013", "2013-03-05"),
        (
            "es",
            "EEEE dd MMMM yyyy",
            "martes 05 marzo 2013",
            "2013-03-05",
        ),
        ("nl", "dd MMM yyyy", "05 mrt 2013", "2013-03-05"),
        ("pl", "dd MMMM yyyy", "05 marca 2013", "2013-03-05"),
    ] {
        let read = read_at(pattern, text, locale, "UTC", NOW);
        assert_eq!(read, Some(format!("{month}T00:00:00.000Z")), "{text}");
    }
}

#[test]
fn patterns_that_cannot_be_read() {
    let error = |pattern: &str| JodaPattern::new(pattern, &Locale::english()).unwrap_err();
    assert_eq!(error(""), PatternError::Empty);
    assert!(
        error("yyyy-MM-ddTHH")
            .to_string()
            .starts_with("`T` in the date pattern")
    );
    assert!(matches!(error("zzzz"), PatternError::LongZoneName(_)));
    assert!(matches!(
        error(&"d ".repeat(50)),
        PatternError::TooManyFields(_)
    ));
}

#[test]
fn no_text_makes_it_panic() {
    let now = Now::from(Timestamp::new(NOW, 0));
    for pattern in [
        "G CC xxxx ww e",
        "yy MM",
        "yyyyMMdd Z",
        "EEE a h",
        "'é'z",
        "ZZZ SSS",
    ] {
        let pattern = JodaPattern::new(pattern, &Locale::english()).unwrap();
        for text in [
            "",
            "-",
            "+",
            "AD -",
            "é",
            "-9 1",
            "\u{1F600}",
            "+99:99",
            "999999999999999999999",
        ] {
            pattern.parse_millis(text, &Zone::UTC, now);
        }
    }
}
