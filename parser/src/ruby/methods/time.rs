//! Methods of times and timestamps. The local zone is UTC.

use crate::ruby::class::Class;
use crate::ruby::interp::{Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, RubyTime, Val};
use crate::time::{CivilDate, MONTHS, Timestamp, WEEKDAYS, iso_week, weekday};

impl Run<'_, '_> {
    pub(super) fn new_time(&mut self, at: Timestamp, utc: bool) -> Val {
        self.heap().add(Obj::Time(RubyTime::new(at, 0, utc)))
    }

    pub(super) fn timestamp(&mut self, at: Timestamp, method: M) -> Result<Option<Val>, Flow> {
        Ok(Some(match method {
            M::Time => self.new_time(at, true),
            M::ToI | M::TvSec => Val::Int(at.seconds()),
            M::ToF => Val::Float(float(at)),
            M::ToS | M::ToIso8601 | M::Inspect => {
                let mut text = Vec::new();
                at.write_iso8601(&mut text);
                self.new_string(String::from_utf8_lossy(&text).into_owned())
            }
            M::Utc | M::Gmtime => self.new_timestamp(at),
            M::Usec | M::TvUsec => Val::Int(i64::from(at.subsec_nanos() / 1000)),
            M::Nsec => Val::Int(i64::from(at.subsec_nanos())),
            M::Year => Val::Int(CivilDate::from_days(at.seconds().div_euclid(86_400)).year),
            _ => return Ok(None),
        }))
    }

    pub(super) fn time(
        &mut self,
        time: RubyTime,
        method: M,
        arguments: &[Val],
    ) -> Result<Option<Val>, Flow> {
        let fields = Fields::of(&time);
        let number = |value: i64| Ok(Some(Val::Int(value)));
        match (method, arguments) {
            (M::ToI | M::TvSec, []) => return number(time.at.seconds()),
            (M::ToF, []) => return Ok(Some(Val::Float(float(time.at)))),
            (M::Year, []) => return number(fields.date.year),
            (M::Month | M::Mon, []) => return number(fields.date.month.into()),
            (M::Day | M::Mday, []) => return number(fields.date.day.into()),
            (M::Hour, []) => return number(fields.second_of_day / 3600),
            (M::Wday, []) => return number(fields.wday as i64),
            (M::Yday, []) => return number(fields.date.day_of_year().into()),
            (M::Usec | M::TvUsec, []) => return number((time.at.subsec_nanos() / 1000).into()),
            (M::Nsec, []) => return number(time.at.subsec_nanos().into()),
            (M::UtcOffset | M::GmtOffset | M::Gmtoff, []) => return number(time.offset.into()),
            (M::Min | M::Minute, []) => return number(fields.second_of_day / 60 % 60),
            (M::Sec | M::Second, []) => return number(fields.second_of_day % 60),
            (
                M::SundayP
                | M::MondayP
                | M::TuesdayP
                | M::WednesdayP
                | M::ThursdayP
                | M::FridayP
                | M::SaturdayP,
                [],
            ) => {
                let days = [
                    M::SundayP,
                    M::MondayP,
                    M::TuesdayP,
                    M::WednesdayP,
                    M::ThursdayP,
                    M::FridayP,
                    M::SaturdayP,
                ];
                return Ok(Some(Val::bool(days[fields.wday] == method)));
            }
            (M::UtcP | M::GmtP, []) => return Ok(Some(Val::bool(time.utc))),
            (M::ToS | M::Inspect, []) if time.date_time => {
                return self.date_time_text(&time).map(Some);
            }
            (M::ToDate, []) => {
                let date = self.heap().add(Obj::Date(fields.days));
                return Ok(Some(date));
            }
            (M::ToTime, []) => {
                let plain = RubyTime {
                    date_time: false,
                    ..time
                };
                return Ok(Some(self.heap().add(Obj::Time(plain))));
            }
            (M::Httpdate, []) => {
                let utc = RubyTime::new(time.at, 0, true);
                let text = strftime("%a, %d %b %Y %H:%M:%S GMT", &utc);
                return Ok(Some(self.new_string(text)));
            }
            (M::Rfc2822, []) => {
                let text = strftime("%a, %d %b %Y %H:%M:%S %z", &time);
                return Ok(Some(self.new_string(text)));
            }
            (M::Utc | M::Getutc | M::Gmtime | M::Getgm, []) => {
                return Ok(Some(self.new_time(time.at, true)));
            }
            (M::Localtime | M::Getlocal, _) => {
                let offset = match arguments.first() {
                    Some(&offset) => self.offset(offset)?,
                    None => 0,
                };
                let local = RubyTime::new(time.at, offset, false);
                return Ok(Some(self.heap().add(Obj::Time(local))));
            }
            (M::ToTime | M::Round, _) => return Ok(Some(self.heap().add(Obj::Time(time)))),
            (M::Add | M::Sub, [Val::Int(days)]) if time.date_time => {
                let days = i128::from(*days);
                let days = if method == M::Sub { -days } else { days };
                let at = from_nanos(nanos(time.at) + days * 86_400_000_000_000);
                return Ok(Some(self.heap().add(Obj::Time(RubyTime { at, ..time }))));
            }
            (M::Add | M::Sub, [other]) => {
                return self.time_arithmetic(time, method, *other).map(Some);
            }
            (M::Strftime, [format]) => {
                let format = self.text_of(*format)?;
                let text = strftime(&format, &time);
                return Ok(Some(self.new_string(text)));
            }
            (M::Iso8601 | M::Xmlschema, []) if time.date_time => {
                return self.date_time_text(&time).map(Some);
            }
            (M::Iso8601 | M::Xmlschema, _) => {
                let digits = match arguments {
                    [Val::Int(digits)] => (*digits).clamp(0, 9) as usize,
                    _ => 0,
                };
                let mut text = strftime("%Y-%m-%dT%H:%M:%S", &time);
                if digits > 0 {
                    let nanos = format!("{:09}", time.at.subsec_nanos());
                    text.push('.');
                    text.push_str(&nanos[..digits]);
                }
                text.push_str(&if time.utc {
                    "Z".to_owned()
                } else {
                    strftime("%:z", &time)
                });
                return Ok(Some(self.new_string(text)));
            }
            _ => {}
        }
        Ok(None)
    }

    /// `+09:00`, `UTC`, or seconds
    fn offset(&mut self, value: Val) -> Result<i32, Flow> {
        if let Val::Int(seconds) = value {
            return Ok(seconds.clamp(-86_400, 86_400) as i32);
        }
        let text = self.text_of(value)?;
        let zone = crate::time::Zone::new(&text);
        match zone {
            Ok(zone) => Ok(zone.offset_seconds_at(self.now)),
            Err(_) => self.raise(
                Class::ArgumentError,
                "\"+HH:MM\", \"-HH:MM\" expected for utc_offset",
            ),
        }
    }

    fn time_arithmetic(&mut self, time: RubyTime, method: M, other: Val) -> Result<Val, Flow> {
        if method == M::Sub
            && let Some(Obj::Time(other)) = self.memory.heap.object(other)
        {
            let nanos = nanos(time.at) - nanos(other.at);
            return Ok(Val::Float(nanos as f64 / 1e9));
        }
        let Some(seconds) = self.memory.heap.float(other) else {
            return self.raise(Class::TypeError, "can't convert into an exact number");
        };
        let seconds = if method == M::Sub { -seconds } else { seconds };
        let total = nanos(time.at).saturating_add((seconds * 1e9).round() as i128);
        Ok(self.heap().add(Obj::Time(RubyTime {
            at: from_nanos(total),
            ..time
        })))
    }
}

fn nanos(at: Timestamp) -> i128 {
    i128::from(at.seconds()) * 1_000_000_000 + i128::from(at.subsec_nanos())
}

pub(super) fn from_nanos(nanos: i128) -> Timestamp {
    let seconds = nanos.div_euclid(1_000_000_000);
    let bound = i128::from(i64::MAX / 2_000);
    Timestamp::new(
        seconds.clamp(-bound, bound) as i64,
        nanos.rem_euclid(1_000_000_000) as u32,
    )
}

fn float(at: Timestamp) -> f64 {
    at.seconds() as f64 + f64::from(at.subsec_nanos()) / 1e9
}

struct Fields {
    date: CivilDate,
    second_of_day: i64,
    wday: usize,
    days: i64,
}

impl Fields {
    fn of(time: &RubyTime) -> Self {
        let seconds = time.at.seconds().saturating_add(time.offset.into());
        let days = seconds.div_euclid(86_400);
        Self {
            date: CivilDate::from_days(days),
            second_of_day: seconds.rem_euclid(86_400),
            wday: weekday(days) as usize % 7,
            days,
        }
    }
}

/// `Time#to_s`
pub(crate) fn to_s(time: &RubyTime) -> String {
    strftime(
        if time.utc {
            "%Y-%m-%d %H:%M:%S UTC"
        } else {
            "%Y-%m-%d %H:%M:%S %z"
        },
        time,
    )
}

/// `Time#strftime`
pub(crate) fn strftime(format: &str, time: &RubyTime) -> String {
    let fields = Fields::of(time);
    let mut out = String::new();
    let mut characters = format.chars().peekable();
    while let Some(c) = characters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let (mut flag, mut colons, mut width) = (' ', 0, String::new());
        while let Some(&next) = characters.peek() {
            match next {
                '-' | '0' | '^' | '_' if width.is_empty() => flag = next,
                ':' => colons += 1,
                digit if digit.is_ascii_digit() && width.len() < 3 => width.push(digit),
                _ => break,
            }
            characters.next();
        }
        let Some(directive) = characters.next() else {
            out.push('%');
            break;
        };
        let text = directive_text(directive, colons, &width, &fields, time);
        match text {
            Directive::Number(number, digits) => {
                let digits = width.parse().unwrap_or(digits);
                out.push_str(&match flag {
                    '-' => number.to_string(),
                    '_' => format!("{number:digits$}"),
                    _ => format!("{number:0digits$}"),
                });
            }
            Directive::Text(text) if flag == '^' => out.push_str(&text.to_uppercase()),
            Directive::Text(text) => out.push_str(&text),
        }
    }
    out
}

enum Directive {
    Number(i64, usize),
    Text(String),
}

fn directive_text(
    directive: char,
    colons: usize,
    width: &str,
    fields: &Fields,
    time: &RubyTime,
) -> Directive {
    use Directive::{Number, Text};
    let date = fields.date;
    let hour = fields.second_of_day / 3600;
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let month = MONTHS[(date.month as usize + 11) % 12];
    let day = WEEKDAYS[(fields.wday + 6) % 7];
    let again = |format: &str| Text(strftime(format, time));
    match directive {
        'Y' => Number(date.year, 1),
        'C' => Number(date.year.div_euclid(100), 2),
        'y' => Number(date.year.rem_euclid(100), 2),
        'm' => Number(date.month.into(), 2),
        'd' => Number(date.day.into(), 2),
        'e' => Text(format!("{:2}", date.day)),
        'j' => Number(date.day_of_year().into(), 3),
        'H' => Number(hour, 2),
        'k' => Text(format!("{hour:2}")),
        'I' => Number(twelve, 2),
        'l' => Text(format!("{twelve:2}")),
        'M' => Number(fields.second_of_day / 60 % 60, 2),
        'S' => Number(fields.second_of_day % 60, 2),
        'L' | 'N' => {
            let digits = width
                .parse()
                .unwrap_or(if directive == 'L' { 3 } else { 9 });
            let nanos = format!("{:09}", time.at.subsec_nanos());
            Text(
                nanos
                    .chars()
                    .chain(std::iter::repeat('0'))
                    .take(digits)
                    .collect(),
            )
        }
        's' => Number(time.at.seconds(), 1),
        'B' => Text(month.to_owned()),
        'b' | 'h' => Text(month[..3].to_owned()),
        'A' => Text(day.to_owned()),
        'a' => Text(day[..3].to_owned()),
        'u' => Number(
            if fields.wday == 0 {
                7
            } else {
                fields.wday as i64
            },
            1,
        ),
        'w' => Number(fields.wday as i64, 1),
        'p' => Text(if hour < 12 { "AM" } else { "PM" }.to_owned()),
        'P' => Text(if hour < 12 { "am" } else { "pm" }.to_owned()),
        'G' => Number(iso_week(fields.days).0, 4),
        'V' => Number(iso_week(fields.days).1.into(), 2),
        'U' | 'W' => {
            // Weeks that begin on Sunday or on Monday.
            let first = if directive == 'U' {
                fields.wday
            } else {
                (fields.wday + 6) % 7
            };
            let day_of_year = i64::from(date.day_of_year()) - 1;
            Number((day_of_year + 7 - first as i64) / 7, 2)
        }
        'Q' => Number(time.at.millis(), 1),
        'z' => {
            let sign = if time.offset < 0 { '-' } else { '+' };
            let minutes = time.offset.abs() / 60;
            let separator = if colons > 0 { ":" } else { "" };
            Text(format!(
                "{sign}{:02}{separator}{:02}",
                minutes / 60,
                minutes % 60
            ))
        }
        'Z' => Text(if time.utc || time.offset == 0 {
            "UTC".to_owned()
        } else {
            String::new()
        }),
        'F' => again("%Y-%m-%d"),
        'T' | 'X' => again("%H:%M:%S"),
        'R' => again("%H:%M"),
        'D' | 'x' => again("%m/%d/%y"),
        'r' => again("%I:%M:%S %p"),
        'c' => again("%a %b %e %H:%M:%S %Y"),
        'v' => again("%e-%^b-%Y"),
        'n' => Text("\n".to_owned()),
        't' => Text("\t".to_owned()),
        '%' => Text("%".to_owned()),
        other => Text(format!("%{other}")),
    }
}
