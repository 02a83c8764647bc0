//! `sleep`: slows a pipeline down (source: logstash-filter-sleep).

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::event::{Event, Template};
use crate::filter::{BuildContext, BuildFilter, Context, Filter, Outcome};
use crate::grok::to_f;
use crate::plugin_options;
use crate::spec::Settings;

plugin_options! {
    /// Waits before events go on, to slow a pipeline down for a test.
    ///
    /// Only the worker that has the event waits.
    pub struct SleepOptions for Filter "sleep" {
        /// How long, in seconds, also with a fraction or from a field. With `replay` how many times faster than the events
        /// came about, 1 where it is not set.
        time: Option<Template>,
        /// Waits only at every so manieth event.
        every: String = "1",
        /// Waits as long as lies between the timestamps of this event and the one before.
        replay: bool = false,
    }
}

/// Waits.
pub struct Sleep {
    time: Option<Template>,
    every: f64,
    count: AtomicU64,
    /// The timestamp of the event before, in seconds, when replaying.
    replay: Option<Mutex<Option<f64>>>,
}

impl BuildFilter for Sleep {
    type Options = SleepOptions;

    fn build(options: SleepOptions, settings: &mut Settings<'_>, _: &BuildContext) -> Option<Self> {
        if options.time.is_none() && !options.replay {
            settings.report_missing("time");
            return None;
        }
        Some(Self {
            time: options.time,
            every: to_f(&options.every),
            count: AtomicU64::new(0),
            replay: options.replay.then(|| Mutex::new(None)),
        })
    }
}

impl Filter for Sleep {
    fn apply<'a>(&self, event: &mut Event<'a>, _: &mut Context<'a, '_>) -> Outcome {
        if let Some(seconds) = self.seconds(event)
            && let Ok(wait) = Duration::try_from_secs_f64(seconds)
        {
            std::thread::sleep(wait);
        }
        Outcome::Matched
    }
}

impl Sleep {
    /// How long to wait for this event.
    fn seconds(&self, event: &Event<'_>) -> Option<f64> {
        let time = self.time.as_ref().map(|time| to_f(time.render(event)));
        let Some(replay) = &self.replay else {
            let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
            let step = self.every.max(1.0).ceil() as u64;
            return time.filter(|_| count.is_multiple_of(step));
        };
        let clock = event.timestamp()?;
        let clock = clock.seconds() as f64 + f64::from(clock.subsec_nanos()) / 1e9;
        let mut last = replay
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let delay = clock - last.replace(clock)?;
        Some(delay / time.unwrap_or(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Arena;
    use crate::time::Timestamp;

    fn sleep(time: Option<&str>, every: f64, replay: bool) -> Sleep {
        Sleep {
            time: time.map(|time| Template::parse(time).unwrap()),
            every,
            count: AtomicU64::new(0),
            replay: replay.then(|| Mutex::new(None)),
        }
    }

    #[test]
    fn waits_at_every_third_event() {
        let arena = Arena::new();
        let event = Event::new(&arena, Timestamp::from_millis(0));
        let sleep = sleep(Some("0.5"), 3.0, false);
        let waits: Vec<_> = (0..4).map(|_| sleep.seconds(&event)).collect();
        assert_eq!(waits, [None, None, Some(0.5), None]);
    }

    #[test]
    fn replays_the_time_between_events() {
        let arena = Arena::new();
        let sleep = sleep(Some("2"), 1.0, true);
        let at = |millis| sleep.seconds(&Event::new(&arena, Timestamp::from_millis(millis)));
        assert_eq!(at(1000), None);
        assert_eq!(at(1500), Some(0.25));
        assert_eq!(at(1000), Some(-0.25));
    }
}
