//! Rates over time, as Logstash's flow metrics (source: `ExtendedFlowMetric` of elastic/logstash): over about the last ten
//! seconds, over longer windows once they have passed, and since the start.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::snapshot::{NodeSnapshot, Snapshot};

/// Names and lengths of the windows.
const WINDOWS: [(&str, u64); 5] = [
    ("last_1_minute", 60),
    ("last_5_minutes", 5 * 60),
    ("last_15_minutes", 15 * 60),
    ("last_1_hour", 60 * 60),
    ("last_24_hours", 24 * 60 * 60),
];
const CURRENT: Duration = Duration::from_secs(10);

/// How far samples lie apart, and how many there are: enough for the windows, in seconds.
const RINGS: [(u64, usize); 3] = [(1, 70), (15, 70), (300, 300)];

/// What was counted at one time.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    events_in: u64,
    filtered: u64,
    out: u64,
    /// For how long inputs waited.
    waited_ms: u64,
    /// For how long workers were busy, all together.
    busy_ms: u64,
}

/// What was counted of each pipeline over the last day; bounded by the number of pipelines.
#[derive(Default)]
pub struct Flows {
    histories: BTreeMap<String, History>,
}

/// The counts of one pipeline since it started.
struct History {
    first: Sample,
    rings: [VecDeque<Sample>; RINGS.len()],
}

impl Sample {
    fn of(pipeline: &Snapshot, at: Instant) -> Self {
        Self {
            at,
            events_in: pipeline.totals.events_in,
            filtered: pipeline.totals.events_out,
            out: pipeline.acknowledged(),
            waited_ms: pipeline.stalled_ms(),
            busy_ms: pipeline.totals.busy_ms,
        }
    }
}

impl Flows {
    /// Takes the counts of a snapshot, and adds the rates to it.
    pub fn observe(&mut self, node: &mut NodeSnapshot) {
        let now = Instant::now();
        let runs = |id: &String| node.pipelines.iter().any(|one| one.pipeline_id == *id);
        self.histories.retain(|id, _| runs(id));
        let mut all = Map::new();
        for pipeline in &mut node.pipelines {
            let sample = Sample::of(pipeline, now);
            let history = self.histories.entry(pipeline.pipeline_id.clone());
            let history = history.or_insert_with(|| History::new(pipeline.started));
            if history.first.at != pipeline.started {
                // It was replaced, and counts anew.
                *history = History::new(pipeline.started);
            }
            let rates = history.rates(&sample, pipeline.workers);
            history.add(sample);
            add(&mut all, &rates);
            pipeline.flow = rates;
        }
        all.remove("worker_utilization");
        node.flow = Value::Object(all);
    }
}

/// Adds the rates of a pipeline to those of the process.
fn add(all: &mut Map<String, Value>, rates: &Value) {
    for (name, windows) in rates.as_object().into_iter().flatten() {
        let sums = all.entry(name.clone()).or_insert_with(|| json!({}));
        for (window, rate) in windows.as_object().into_iter().flatten() {
            let sum = sums[window].as_f64().unwrap_or(0.0) + rate.as_f64().unwrap_or(0.0);
            sums[window] = rounded(sum);
        }
    }
}

impl History {
    fn new(started: Instant) -> Self {
        Self {
            first: Sample {
                at: started,
                events_in: 0,
                filtered: 0,
                out: 0,
                waited_ms: 0,
                busy_ms: 0,
            },
            rings: Default::default(),
        }
    }

    fn add(&mut self, sample: Sample) {
        for (ring, (seconds, length)) in self.rings.iter_mut().zip(RINGS) {
            let apart = Duration::from_secs(seconds);
            // A look that comes a little early counts: looks are a second apart.
            let is_due = |last: &Sample| sample.at + Duration::from_millis(100) >= last.at + apart;
            if ring.back().is_none_or(is_due) {
                ring.push_back(sample);
                if ring.len() > length {
                    ring.pop_front();
                }
            }
        }
    }

    /// The youngest sample that is at least so old.
    fn before(&self, now: Instant, age: Duration) -> Option<&Sample> {
        let is_old = |sample: &&Sample| now.duration_since(sample.at) >= age;
        let mut rings = self.rings.iter();
        let found = rings.find_map(|ring| ring.iter().rev().find(is_old));
        found.or(Some(&self.first).filter(is_old))
    }

    fn rates(&self, now: &Sample, workers: usize) -> Value {
        type Read = fn(&Sample) -> f64;
        let per_second: [(&str, Read); 3] = [
            ("input_throughput", |sample| sample.events_in as f64),
            ("filter_throughput", |sample| sample.filtered as f64),
            ("output_throughput", |sample| sample.out as f64),
        ];
        let per_time: [(&str, Read); 2] = [
            ("queue_backpressure", |sample| sample.waited_ms as f64 / 1e3),
            ("worker_concurrency", |sample| sample.busy_ms as f64 / 1e3),
        ];
        let utilization: (&str, Read) =
            ("worker_utilization", |sample| sample.busy_ms as f64 / 10.0);
        let mut rates = Map::new();
        for (name, read) in per_second.into_iter().chain(per_time) {
            rates.insert(name.to_owned(), self.windows(now, read, 1.0));
        }
        let (name, read) = utilization;
        rates.insert(
            name.to_owned(),
            self.windows(now, read, workers.max(1) as f64),
        );
        Value::Object(rates)
    }

    /// What `read` grows by in a second, divided by `divisor`, for each window that has passed.
    fn windows(&self, now: &Sample, read: fn(&Sample) -> f64, divisor: f64) -> Value {
        let rate = |since: &Sample| {
            let seconds = now.at.duration_since(since.at).as_secs_f64();
            let grown = (read(now) - read(since)).max(0.0);
            (seconds > 0.0).then(|| rounded(grown / seconds / divisor))
        };
        let mut windows = Map::new();
        let mut set = |name: &str, since: Option<&Sample>| {
            if let Some(rate) = since.and_then(rate) {
                windows.insert(name.to_owned(), rate);
            }
        };
        set(
            "current",
            self.before(now.at, CURRENT).or(Some(&self.first)),
        );
        for (name, seconds) in WINDOWS {
            set(name, self.before(now.at, Duration::from_secs(seconds)));
        }
        set("lifetime", Some(&self.first));
        Value::Object(windows)
    }
}

/// Three places behind the point are enough.
fn rounded(rate: f64) -> Value {
    json!((rate * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(start: Instant, seconds: u64, events: u64) -> Sample {
        Sample {
            at: start + Duration::from_secs(seconds),
            events_in: events,
            filtered: events / 2,
            out: 0,
            waited_ms: 0,
            busy_ms: seconds * 500,
        }
    }

    #[test]
    fn rates_are_those_of_their_windows() {
        let start = Instant::now();
        let mut history = History::new(start);
        // ten a second for an hour, then a hundred a second for two minutes
        let events = |second: u64| second.min(3600) * 10 + second.saturating_sub(3600) * 100;
        for second in 1..=3720 {
            history.add(sample(start, second, events(second)));
        }
        let rates = history.rates(&sample(start, 3721, events(3721)), 2);
        let input = &rates["input_throughput"];
        assert_eq!(input["current"], 100.0);
        assert_eq!(input["last_1_minute"], 100.0);
        let five = input["last_5_minutes"].as_f64().unwrap();
        assert!((45.0..48.0).contains(&five), "{five}");
        assert!((12.0..14.0).contains(&input["lifetime"].as_f64().unwrap()));
        assert!(input["last_1_hour"].is_number() && input["last_24_hours"].is_null());
        assert_eq!(rates["filter_throughput"]["current"], 50.0);
        assert_eq!(rates["worker_concurrency"]["lifetime"], 0.5);
        assert_eq!(rates["worker_utilization"]["current"], 25.0);
    }

    #[test]
    fn a_day_of_samples_is_bounded() {
        let start = Instant::now();
        let mut history = History::new(start);
        for second in 1..=100_000 {
            history.add(sample(start, second, second));
        }
        let lengths = history.rings.each_ref().map(VecDeque::len);
        assert_eq!(lengths, RINGS.map(|(_, length)| length));
        let rates = history.rates(&sample(start, 100_001, 100_001), 1);
        assert_eq!(rates["input_throughput"]["last_24_hours"], 1.0);
    }
}
