//! What a text says of a point in time.

use crate::ruby::value::RubyTime;
use crate::time::{CivilDate, MONTHS, Timestamp, WEEKDAYS, days_in_month};

/// What a text says of a point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::ruby::methods) struct Moment {
    pub(super) year: Option<i64>,
    pub(super) month: Option<u32>,
    pub(super) day: Option<u32>,
    pub(super) year_day: Option<u32>,
    pub(super) hour: Option<u32>,
    pub(super) minute: u32,
    pub(super) second: u32,
    pub(super) nanos: u32,
    pub(super) afternoon: Option<bool>,
    pub(super) offset: Option<i32>,
    pub(super) utc: bool,
    /// Nanoseconds since the epoch, which say all.
    pub(super) epoch: Option<i128>,
}

impl Moment {
    /// The date, with what is missing taken from `now`. `None` where there is no such day.
    pub(super) fn date(&self, now: Timestamp) -> Option<CivilDate> {
        let today = CivilDate::from_days(now.seconds().div_euclid(86_400));
        if let (Some(day), None) = (self.year_day, self.month) {
            let year = self.year.unwrap_or(today.year);
            let first = CivilDate {
                year,
                month: 1,
                day: 1,
            };
            let date = CivilDate::from_days(first.days() + i64::from(day) - 1);
            return (day > 0 && date.year == year).then_some(date);
        }
        let has_date = self.year.is_some() || self.month.is_some() || self.day.is_some();
        if !has_date {
            return Some(today);
        }
        let year = self.year.unwrap_or(today.year);
        let month = self.month.unwrap_or(1);
        let day = self.day.unwrap_or(1);
        let valid = (-9999..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day);
        valid.then_some(CivilDate { year, month, day })
    }

    /// The time; its zone is UTC where the text names none.
    pub(super) fn time(&self, now: Timestamp) -> Option<RubyTime> {
        let offset = self.offset.unwrap_or(0);
        let utc = self.utc;
        if let Some(nanos) = self.epoch {
            return Some(RubyTime::new(
                crate::ruby::methods::time::from_nanos(nanos),
                offset,
                utc,
            ));
        }
        let days = self.date(now)?.days();
        let mut hour = self.hour.unwrap_or(0);
        match self.afternoon {
            Some(true) if hour < 12 => hour += 12,
            Some(false) if hour == 12 => hour = 0,
            _ => {}
        }
        if hour > 24 || self.minute > 59 || self.second > 60 {
            return None;
        }
        let clock = hour * 3600 + self.minute * 60 + self.second;
        let seconds = days * 86_400 + i64::from(clock) - i64::from(offset);
        Some(RubyTime::new(
            Timestamp::new(seconds, self.nanos),
            offset,
            utc,
        ))
    }

    pub(super) fn set_zone(&mut self, name: &str) -> bool {
        match zone_offset(name) {
            Some(offset) => {
                self.offset = Some(offset);
                self.utc = matches!(
                    name.to_ascii_uppercase().as_str(),
                    "UTC" | "Z" | "GMT" | "-00:00"
                );
                true
            }
            None => false,
        }
    }
}

/// Seconds east of UTC.
fn zone_offset(name: &str) -> Option<i32> {
    let hours = match name.to_ascii_uppercase().as_str() {
        "UTC" | "Z" | "GMT" | "WET" => 0,
        "EST" | "CDT" => -5,
        "EDT" => -4,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        "CET" | "MET" | "BST" | "WEST" => 1,
        "CEST" | "MEST" | "EET" => 2,
        "EEST" | "MSK" => 3,
        "IST" => return Some(19_800),
        "JST" => 9,
        _ => {
            let sign = match name.bytes().next()? {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let digits: String = name[1..].chars().filter(|c| *c != ':').collect();
            if !matches!(digits.len(), 2 | 4 | 6) || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let part = |at: usize| {
                digits
                    .get(at..at + 2)
                    .map_or(Some(0), |two| two.parse().ok())
            };
            let (hours, minutes, seconds): (i32, i32, i32) = (part(0)?, part(2)?, part(4)?);
            return Some(sign * (hours * 3600 + minutes * 60 + seconds));
        }
    };
    Some(hours * 3600)
}

/// Which of the names has these three letters at its start.
pub(super) fn place_of(names: &[&str], start: &str) -> Option<usize> {
    names
        .iter()
        .position(|name| name[..3].eq_ignore_ascii_case(start))
}

/// A cursor over the text.
struct Scan<'t> {
    rest: &'t str,
}

impl<'t> Scan<'t> {
    fn spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Up to so many digits.
    fn number(&mut self, most: usize) -> Option<i64> {
        let digits = self.rest.bytes().take(most).take_while(u8::is_ascii_digit);
        let length = digits.count();
        let number = self.rest[..length].parse().ok()?;
        self.rest = &self.rest[length..];
        Some(number)
    }

    fn small(&mut self, most: usize) -> Option<u32> {
        self.number(most)?.try_into().ok()
    }

    /// A name, of which three letters count; the rest of the word goes with it.
    fn name(&mut self, names: &[&str]) -> Option<u32> {
        let word_end = self
            .rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(self.rest.len());
        let start = self.rest.get(..3)?;
        let found = place_of(names, start)?;
        self.rest = &self.rest[word_end..];
        Some(found as u32)
    }

    fn word(&mut self) -> &'t str {
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || c == ']' || c == ')')
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn fraction(&mut self, most: usize) -> Option<u32> {
        let length = self
            .rest
            .bytes()
            .take(most)
            .take_while(u8::is_ascii_digit)
            .count();
        if length == 0 {
            return None;
        }
        let mut digits = self.rest[..length.min(9)].to_owned();
        while digits.len() < 9 {
            digits.push('0');
        }
        self.rest = &self.rest[length..];
        digits.parse().ok()
    }
}

/// `strptime`: `None` where the text does not fit the format.
pub(super) fn strptime(text: &str, format: &str) -> Option<(Moment, bool)> {
    let mut moment = Moment::default();
    let mut scan = Scan { rest: text };
    let mut characters = format.chars();
    while let Some(c) = characters.next() {
        if c.is_whitespace() {
            scan.spaces();
            continue;
        }
        if c != '%' {
            scan.rest = scan.rest.strip_prefix(c)?;
            continue;
        }
        let mut directive = characters.next()?;
        while matches!(directive, '-' | '0' | '^' | '_' | ':' | '1'..='9') {
            directive = characters.next()?;
        }
        read_directive(directive, &mut scan, &mut moment)?;
    }
    Some((moment, scan.rest.is_empty()))
}

fn read_directive(directive: char, scan: &mut Scan<'_>, moment: &mut Moment) -> Option<()> {
    let mut several = |format: &str| -> Option<()> {
        for c in format.chars() {
            match c {
                'a'..='z' | 'A'..='Z' => read_directive(c, scan, moment)?,
                ' ' => scan.spaces(),
                other => scan.rest = scan.rest.strip_prefix(other)?,
            }
        }
        Some(())
    };
    match directive {
        'F' => return several("Y-m-d"),
        'T' | 'X' => return several("H:M:S"),
        'R' => return several("H:M"),
        'D' | 'x' => return several("m/d/y"),
        'r' => return several("I:M:S p"),
        'c' => return several("a b e H:M:S Y"),
        _ => {}
    }
    match directive {
        'Y' => {
            let negative = scan.rest.starts_with('-');
            scan.rest = scan.rest.strip_prefix(['-', '+']).unwrap_or(scan.rest);
            let year = scan.number(if scan.rest.len() > 4 { 4 } else { 9 })?;
            moment.year = Some(if negative { -year } else { year });
        }
        'y' => {
            let year = scan.number(2)?;
            moment.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
        }
        'C' => {
            let century = scan.number(2)?;
            moment.year = Some(century * 100);
        }
        'm' => moment.month = Some(scan.small(2)?),
        'b' | 'B' | 'h' => moment.month = Some(scan.name(MONTHS)? + 1),
        'a' | 'A' => {
            scan.name(WEEKDAYS)?;
        }
        'u' | 'w' => {
            scan.small(1)?;
        }
        'd' | 'e' => {
            scan.spaces();
            moment.day = Some(scan.small(2)?);
        }
        'j' => moment.year_day = Some(scan.small(3)?),
        'H' | 'k' | 'I' | 'l' => {
            scan.spaces();
            moment.hour = Some(scan.small(2)?);
        }
        'M' => moment.minute = scan.small(2)?,
        'S' => moment.second = scan.small(2)?,
        'L' | 'N' => moment.nanos = scan.fraction(30)?,
        'p' | 'P' => {
            let start = scan.rest.get(..2)?.to_ascii_lowercase();
            moment.afternoon = Some(match start.as_str() {
                "am" => false,
                "pm" => true,
                _ => return None,
            });
            scan.rest = &scan.rest[2..];
        }
        's' | 'Q' => {
            let negative = scan.rest.starts_with('-');
            scan.rest = scan.rest.strip_prefix('-').unwrap_or(scan.rest);
            let number = i128::from(scan.number(18)?);
            let scale = if directive == 's' {
                1_000_000_000
            } else {
                1_000_000
            };
            moment.epoch = Some(if negative { -number } else { number } * scale);
        }
        'z' | 'Z' => {
            let word = scan.word();
            if !moment.set_zone(word) {
                return None;
            }
        }
        'n' | 't' => scan.spaces(),
        '%' => scan.rest = scan.rest.strip_prefix('%')?,
        _ => return None,
    }
    Some(())
}

/// `Time.parse`: looks for a time of day, a zone and a date in whatever order; `None` where there is neither date nor time.
pub(super) fn parse(text: &str) -> Option<Moment> {
    let mut moment = Moment::default();
    let mut numbers: Vec<(i64, usize)> = Vec::new();
    let mut rest = text.trim();
    let mut found = false;
    while let Some(c) = rest.chars().next() {
        let mut scan = Scan { rest };
        if c.is_ascii_digit() {
            if let Some(after) = clock(rest, &mut moment) {
                rest = after;
                found = true;
                continue;
            }
            if let Some(after) = numeric_date(rest, &mut moment) {
                rest = after;
                found = true;
                continue;
            }
            let length = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number = scan.number(18)?;
            numbers.push((number, length));
            rest = scan.rest;
        } else if c.is_ascii_alphabetic() {
            let word_end = rest
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(rest.len());
            let word = &rest[..word_end];
            if word.len() >= 3
                && scan.name(MONTHS).is_some_and(|month| {
                    moment.month = Some(month + 1);
                    true
                })
            {
                found = true;
            } else if moment.hour.is_some() && moment.offset.is_none() {
                match word.to_ascii_lowercase().as_str() {
                    "am" => moment.afternoon = Some(false),
                    "pm" => moment.afternoon = Some(true),
                    _ => {
                        moment.set_zone(word);
                    }
                }
            }
            rest = &rest[word_end..];
        } else if matches!(c, '+' | '-') && moment.hour.is_some() && moment.offset.is_none() {
            let end = rest[1..]
                .find(|c: char| !(c.is_ascii_digit() || c == ':'))
                .map_or(rest.len(), |end| end + 1);
            moment.set_zone(&rest[..end]);
            rest = &rest[end..];
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    for (number, length) in numbers {
        match length {
            8 | 14 if moment.year.is_none() => {
                let text = format!("{number:0length$}");
                let part = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
                moment.year = part(0, 4).map(i64::from);
                moment.month = part(4, 6);
                moment.day = part(6, 8);
                if length == 14 {
                    moment.hour = part(8, 10);
                    moment.minute = part(10, 12)?;
                    moment.second = part(12, 14)?;
                }
                found = true;
            }
            4.. if moment.year.is_none() && moment.month.is_some() => moment.year = Some(number),
            1 | 2 if moment.day.is_none() && moment.month.is_some() => {
                moment.day = number.try_into().ok();
            }
            _ => {}
        }
    }
    found.then_some(moment)
}

/// `12:34`, `12:34:56.789`, with a `T` before it or not.
fn clock<'t>(text: &'t str, moment: &mut Moment) -> Option<&'t str> {
    if moment.hour.is_some() {
        return None;
    }
    let mut scan = Scan { rest: text };
    let hour = scan.small(2)?;
    scan.rest = scan.rest.strip_prefix(':')?;
    let minute = scan.small(2)?;
    let mut second = 0;
    let mut nanos = 0;
    if let Some(rest) = scan.rest.strip_prefix(':') {
        let mut more = Scan { rest };
        second = more.small(2)?;
        if let Some(rest) = more.rest.strip_prefix(['.', ',']) {
            let mut fraction = Scan { rest };
            if let Some(read) = fraction.fraction(30) {
                nanos = read;
                more = fraction;
            }
        }
        scan = more;
    }
    (moment.hour, moment.minute, moment.second, moment.nanos) = (Some(hour), minute, second, nanos);
    Some(scan.rest)
}

/// `2024-01-02`, `2024/01/02`, `02/01/2024` (day first), `02.01.2024`; an ISO date may have a `T` behind it.
fn numeric_date<'t>(text: &'t str, moment: &mut Moment) -> Option<&'t str> {
    if moment.year.is_some() || moment.day.is_some() {
        return None;
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let first_length = digits(text);
    let mut scan = Scan { rest: text };
    let first = scan.number(9)?;
    let separator = scan
        .rest
        .chars()
        .next()
        .filter(|c| matches!(c, '-' | '/' | '.'))?;
    scan.rest = &scan.rest[1..];
    let middle = match scan.name(MONTHS) {
        Some(month) => month + 1,
        None => scan.small(2)?,
    };
    scan.rest = scan.rest.strip_prefix(separator)?;
    let last_length = digits(scan.rest);
    let last = scan.number(9)?;
    let (year, day) = match (first_length, last_length) {
        (4.., _) => (first, last),
        (_, 4..) => (last, first),
        // A short date begins with the year.
        _ => (
            if first < 69 {
                2000 + first
            } else {
                1900 + first
            },
            last,
        ),
    };
    moment.year = Some(year);
    moment.month = Some(middle);
    moment.day = Some(day.try_into().ok()?);
    let rest = scan.rest;
    Some(match rest.strip_prefix(['T', 't']) {
        Some(clock) if clock.starts_with(|c: char| c.is_ascii_digit()) => clock,
        _ => rest
            .strip_prefix(':')
            .filter(|_| separator == '/')
            .unwrap_or(rest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(moment: Option<Moment>) -> Option<i64> {
        let now = Timestamp::new(1_700_000_000, 0);
        moment?.time(now).map(|time| time.at.seconds())
    }

    #[test]
    fn whatever_is_read_nothing_panics() {
        let pieces = [
            "2024",
            "-",
            "/",
            ":",
            "13",
            "99999999999999999999",
            "jan",
            "T",
            "Z",
            "+",
            "\u{e9}",
            " ",
            "0",
            "pm",
            ".",
            "%",
        ];
        let mut state = 7_u64;
        for _ in 0..200_000 {
            let mut text = String::new();
            for _ in 0..state % 9 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let _ = seconds(parse(&text));
            let _ = strptime(&text, "%Y-%m-%dT%H:%M:%S%z");
            let _ = strptime("2024-01-02 jan pm", &format!("%{text}%Y"));
        }
    }

    #[test]
    fn times_as_people_write_them() {
        for text in [
            "2024-01-05T10:00:01Z",
            "2024-01-05 10:00:01 UTC",
            "2024-01-05 12:00:01 +0200",
            "2024/01/05 10:00:01",
            "05/01/2024 10:00:01",
            "Jan 5 2024 10:00:01",
            "5 Jan 2024 10:00:01 GMT",
            "Fri, 05 Jan 2024 10:00:01 +0000",
            "Fri Jan  5 10:00:01 2024",
            "05/Jan/2024:10:00:01 +0000",
            "20240105100001",
            "Jan 5, 2024 10:00:01 am",
        ] {
            assert_eq!(seconds(parse(text)), Some(1_704_448_801), "{text}");
        }
        assert_eq!(parse("nothing"), None);
        assert_eq!(seconds(parse("2024-02-30")), None);
    }
}
