//! Reading times and dates: `Time.parse`, `strptime`; and the methods of dates.

mod read;

use self::read::{Moment, parse, place_of, strptime};
use crate::ruby::class::Class;
use crate::ruby::interp::{Eval, Flow, Run};
use crate::ruby::names::M;
use crate::ruby::value::{Obj, RubyTime, Val};
use crate::time::{CivilDate, MONTHS, Timestamp, days_in_month, iso_week, weekday};

/// So many days later, within what a calendar can hold.
fn far(days: i64, by: i64) -> i64 {
    days.saturating_add(by).clamp(-(1 << 40), 1 << 40)
}

impl Run<'_, '_> {
    /// Functions of `Time`, `DateTime` and `Date` that make one.
    pub(super) fn moment_function(
        &mut self,
        class: Class,
        method: M,
        arguments: &[Val],
    ) -> Result<Option<Val>, Flow> {
        let first = arguments.first().copied().unwrap_or(Val::Nil);
        let moment = match method {
            M::Now | M::Today => {
                let now = self.now;
                return Ok(Some(self.moment_value(class, RubyTime::new(now, 0, false))));
            }
            M::Parse | M::Iso8601 | M::Strptime => {
                let Some(text) = self.memory.heap.str(first).map(str::to_owned) else {
                    let class = self.class_of(first).name();
                    let what = if first.is_nil() { "nil" } else { class };
                    let message = format!("no implicit conversion of {what} into String");
                    return self.raise(Class::TypeError, message);
                };
                self.steps(1 + text.len() / 16)?;
                let read = if method == M::Strptime {
                    let format = match arguments.get(1) {
                        Some(format) => self.text_of(*format)?,
                        None => "%FT%T%z".to_owned(),
                    };
                    // `Time` overlooks what follows, dates do not.
                    let read = strptime(&text, &format);
                    read.filter(|(_, whole)| *whole || class == Class::Time)
                        .map(|(moment, _)| moment)
                } else {
                    parse(&text)
                };
                match read {
                    Some(moment) => moment,
                    None => return self.no_moment(class, method, &text),
                }
            }
            M::New | M::Utc | M::Gm | M::Local | M::Mktime if !arguments.is_empty() => {
                self.moment_of(arguments, method)?
            }
            M::ValidDateP => {
                let moment = self.moment_of(arguments, method)?;
                return Ok(Some(Val::bool(moment.date(self.now).is_some())));
            }
            _ => return Ok(None),
        };
        match moment.time(self.now) {
            Some(time) => Ok(Some(self.moment_value(class, time))),
            None if class == Class::Time => {
                self.raise(Class::ArgumentError, "argument out of range")
            }
            None => self.raise(Class::DateError, "invalid date"),
        }
    }

    fn no_moment<T>(&mut self, class: Class, method: M, text: &str) -> Result<T, Flow> {
        let (error, message) = match (class, method) {
            (Class::Time, M::Strptime) => (
                Class::ArgumentError,
                format!("invalid date or strptime format - `{text}'"),
            ),
            (Class::Time, _) => (
                Class::ArgumentError,
                format!("no time information in {text:?}"),
            ),
            (_, M::Strptime) => (Class::DateError, "invalid strptime format".to_owned()),
            _ => (Class::DateError, "invalid date".to_owned()),
        };
        self.raise(error, message)
    }

    fn moment_value(&mut self, class: Class, time: RubyTime) -> Val {
        let object = match class {
            Class::Date => {
                Obj::Date((time.at.seconds() + i64::from(time.offset)).div_euclid(86_400))
            }
            Class::DateTime => Obj::Time(RubyTime {
                date_time: true,
                ..time
            }),
            _ => Obj::Time(time),
        };
        self.heap().add(object)
    }

    /// Year, month, day, hour, minute, second and zone as arguments.
    fn moment_of(&mut self, arguments: &[Val], method: M) -> Result<Moment, Flow> {
        let mut moment = Moment::default();
        for (at, &argument) in arguments.iter().enumerate() {
            if at == 6 {
                let zone = self.text_of(argument)?;
                moment.set_zone(&zone);
                continue;
            }
            let text = self.memory.heap.str(argument).map(str::to_lowercase);
            let number = match (argument, text) {
                (Val::Int(number), _) => number,
                (Val::Float(number), _) => {
                    if at == 5 {
                        moment.nanos = (number.fract() * 1e9).round() as u32;
                    }
                    number as i64
                }
                (_, Some(text)) => match place_of(MONTHS, &text) {
                    Some(month) => month as i64 + 1,
                    None => text.trim().parse().unwrap_or(-1),
                },
                _ => continue,
            };
            let small = u32::try_from(number).unwrap_or(u32::MAX);
            match at {
                0 => moment.year = Some(number),
                1 => moment.month = Some(small),
                2 => moment.day = Some(small),
                3 => moment.hour = Some(small),
                4 => moment.minute = small,
                _ => moment.second = small,
            }
        }
        moment.utc |= matches!(method, M::Utc | M::Gm);
        Ok(moment)
    }

    /// Methods of a date.
    pub(super) fn date_method(
        &mut self,
        days: i64,
        method: M,
        arguments: &[Val],
    ) -> Result<Option<Val>, Flow> {
        let date = CivilDate::from_days(days);
        let midnight = RubyTime::new(Timestamp::new(days.saturating_mul(86_400), 0), 0, false);
        let made = |run: &mut Self, days: i64| run.heap().add(Obj::Date(days));
        Ok(Some(match (method, arguments) {
            (M::Add | M::Sub, [Val::Int(other)]) => {
                let other = match method {
                    M::Sub => other.saturating_neg(),
                    _ => *other,
                };
                made(self, far(days, other))
            }
            (M::Sub, [other]) => match self.memory.heap.object(*other) {
                Some(Obj::Date(other)) => Val::Int(days - other),
                _ => return self.raise(Class::TypeError, "expected numeric"),
            },
            (M::NextDay | M::PrevDay | M::Succ | M::Next, _) => {
                let by = match arguments {
                    [Val::Int(by)] => *by,
                    _ => 1,
                };
                let by = match method {
                    M::PrevDay => by.saturating_neg(),
                    _ => by,
                };
                made(self, far(days, by))
            }
            (M::NextMonth | M::PrevMonth | M::Shr | M::Shl, _) => {
                let by = match arguments {
                    [Val::Int(by)] => (*by).clamp(-120_000, 120_000),
                    _ => 1,
                };
                let by = if matches!(method, M::PrevMonth | M::Shl) {
                    -by
                } else {
                    by
                };
                let months = date.year * 12 + i64::from(date.month) - 1 + by;
                let (year, month) = (months.div_euclid(12), months.rem_euclid(12) as u32 + 1);
                let day = date.day.min(days_in_month(year, month));
                made(self, CivilDate { year, month, day }.days())
            }
            (M::ToS | M::Iso8601 | M::Inspect | M::Xmlschema, []) => {
                let text = super::time::strftime("%Y-%m-%d", &midnight);
                self.new_string(text)
            }
            (M::ToDate, []) => made(self, days),
            (M::ToTime, []) => self.heap().add(Obj::Time(midnight)),
            (M::Cwday, []) => Val::Int(i64::from((weekday(days) + 6) % 7 + 1)),
            (M::Cweek, []) => Val::Int(iso_week(days).1.into()),
            (M::Jd, []) => Val::Int(days + 2_440_588),
            (M::ToI | M::ToF | M::Utc | M::Hour | M::Min | M::Sec, _) => return Ok(None),
            _ => return self.time(midnight, method, arguments),
        }))
    }

    /// `new_offset`, `to_time` and the like of a date with a time.
    pub(super) fn date_time_text(&mut self, time: &RubyTime) -> Eval {
        let text = super::time::strftime("%Y-%m-%dT%H:%M:%S%:z", time);
        Ok(self.new_string(text))
    }
}
