//! Counts with their rates, and samples of values, as the Ruby library metriks keeps them.

/// How often rates are brought up to date, in milliseconds.
const TICK_MILLIS: i64 = 5000;

/// How many values a timer keeps.
const SAMPLE_SIZE: usize = 1028;

/// A count, and how fast it grows.
pub(super) struct Meter {
    pub(super) count: u64,
    /// Events since the last tick.
    uncounted: u64,
    /// Events a second, averaged over 1, 5 and 15 minutes.
    rates: Option<[f64; 3]>,
    last_tick: i64,
}

impl Meter {
    pub(super) fn new(now: i64) -> Self {
        Self {
            count: 0,
            uncounted: 0,
            rates: None,
            last_tick: now,
        }
    }

    pub(super) fn mark(&mut self, now: i64) {
        self.tick(now);
        self.count += 1;
        self.uncounted += 1;
    }

    /// Events a second, averaged over 1, 5 and 15 minutes; 0 in the first five seconds.
    pub(super) fn rates(&mut self, now: i64) -> [f64; 3] {
        self.tick(now);
        self.rates.unwrap_or_default()
    }

    fn tick(&mut self, now: i64) {
        let ticks = (now - self.last_tick) / TICK_MILLIS;
        if ticks < 1 {
            return;
        }
        self.last_tick = now;
        // After an hour or so without a tick nothing is left of a rate.
        for _ in 0..ticks.min(10_000) {
            let current = self.uncounted as f64 / (TICK_MILLIS as f64 / 1000.0);
            self.uncounted = 0;
            self.rates = Some(match self.rates {
                None => [current; 3],
                Some(rates) => {
                    let mut rates = rates;
                    for (rate, minutes) in rates.iter_mut().zip([1.0, 5.0, 15.0]) {
                        let alpha = 1.0 - f64::exp(-5.0 / 60.0 / minutes);
                        *rate += alpha * (current - *rate);
                    }
                    rates
                }
            });
        }
    }
}

/// Values, and a sample of them.
pub(super) struct Timer {
    pub(super) meter: Meter,
    sample: Vec<f64>,
    min: f64,
    max: f64,
    sum: f64,
    /// Mean and sum of squared differences from it, by Welford's method.
    mean: f64,
    squares: f64,
    random: u64,
}

impl Timer {
    pub(super) fn new(now: i64) -> Self {
        Self {
            meter: Meter::new(now),
            sample: Vec::new(),
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: 0.0,
            mean: 0.0,
            squares: 0.0,
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Adds a value; negative ones do not count.
    pub(super) fn update(&mut self, value: f64, now: i64) {
        if value.is_nan() || value < 0.0 {
            return;
        }
        self.meter.mark(now);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value;
        let before = self.mean;
        self.mean += (value - before) / self.meter.count as f64;
        self.squares += (value - before) * (value - self.mean);
        if self.sample.len() < SAMPLE_SIZE {
            self.sample.push(value);
            return;
        }
        // A value is in the sample as likely as any other that came.
        let place = self.draw() % self.meter.count;
        if let Some(kept) = self.sample.get_mut(place as usize) {
            *kept = value;
        }
    }

    /// The next of a fixed row of random numbers (xorshift).
    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    pub(super) fn min(&self) -> f64 {
        if self.meter.count > 0 { self.min } else { 0.0 }
    }

    pub(super) fn max(&self) -> f64 {
        if self.meter.count > 0 { self.max } else { 0.0 }
    }

    pub(super) fn mean(&self) -> f64 {
        if self.meter.count > 0 {
            self.sum / self.meter.count as f64
        } else {
            0.0
        }
    }

    pub(super) fn standard_deviation(&self) -> f64 {
        if self.meter.count > 1 {
            (self.squares / (self.meter.count - 1) as f64).sqrt()
        } else {
            0.0
        }
    }

    /// The sample in order.
    pub(super) fn sorted(&self) -> Vec<f64> {
        let mut values = self.sample.clone();
        values.sort_by(f64::total_cmp);
        values
    }
}

/// The value below which that part of the sorted values lies.
pub(super) fn quantile(values: &[f64], part: f64) -> f64 {
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return 0.0;
    };
    let place = part * (values.len() + 1) as f64;
    if place < 1.0 {
        return *first;
    }
    let index = place as usize;
    match (values.get(index - 1), values.get(index)) {
        (Some(lower), Some(upper)) => lower + place.fract() * (upper - lower),
        _ => *last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_the_events() {
        let mut meter = Meter::new(0);
        for at in 0..10 {
            meter.mark(at * 400);
        }
        assert_eq!(meter.rates(4999), [0.0; 3]);
        assert_eq!(meter.rates(5000), [2.0; 3]);
        let later = meter.rates(65_000);
        assert!((later[0] - 2.0 * f64::exp(-1.0)).abs() < 1e-9, "{later:?}");
        assert!(later[0] < later[1] && later[1] < later[2]);
        assert_eq!(meter.count, 10);
    }

    #[test]
    fn figures_of_values() {
        let mut timer = Timer::new(0);
        for value in [4.0, 1.0, 3.0, 2.0, -5.0] {
            timer.update(value, 0);
        }
        assert_eq!((timer.min(), timer.max(), timer.mean()), (1.0, 4.0, 2.5));
        assert!((timer.standard_deviation() - 1.290_994_448_735_805_6).abs() < 1e-12);
        let values = timer.sorted();
        assert_eq!(quantile(&values, 0.5), 2.5);
        assert_eq!(quantile(&values, 0.01), 1.0);
        assert_eq!(quantile(&values, 1.0), 4.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }

    #[test]
    fn a_sample_stays_small() {
        let mut timer = Timer::new(0);
        for value in 0..10_000 {
            timer.update(f64::from(value), 0);
        }
        assert_eq!(timer.sorted().len(), SAMPLE_SIZE);
        assert_eq!(timer.meter.count, 10_000);
        let median = quantile(&timer.sorted(), 0.5);
        assert!((4000.0..6000.0).contains(&median), "{median}");
    }
}
