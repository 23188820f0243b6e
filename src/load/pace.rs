//! How much goes into one transaction, and how long to pause after it. Pure.
use std::time::Duration;

/// Longest pause after a slow transaction.
const LONGEST: Duration = Duration::from_secs(2);

/// The pace of a load.
#[derive(Debug)]
pub(super) struct Pace {
    most: u64,
    now: u64,
    slow: Duration,
    rate: u64,
}

impl Pace {
    pub fn new(most: u64, rate: u64, slow: Duration) -> Self {
        Self { most: most.max(1), now: most.clamp(1, 100), slow, rate }
    }

    /// How many go into the next transaction.
    pub fn batch(&self) -> u64 {
        // at a low rate a batch of many seconds would come in bursts
        let by_rate = if self.rate == 0 { u64::MAX } else { (self.rate / 4).max(1) };
        self.now.min(by_rate)
    }

    /// A transaction of so many took so long: how long to wait before the next one. A server that is slow is given as
    /// long as it took, and less to do; clients come in between.
    pub fn after(&mut self, count: u64, took: Duration) -> Duration {
        let rest = if took > self.slow {
            self.now = (self.now / 2).max(1);
            took.min(LONGEST)
        } else {
            self.now = (self.now + self.now / 4 + 1).min(self.most);
            Duration::ZERO
        };
        let due = match self.rate {
            0 => Duration::ZERO,
            rate => Duration::from_secs_f64(count as f64 / rate as f64).saturating_sub(took),
        };
        rest.max(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Duration = Duration::from_millis(100);

    #[test]
    fn a_slow_server_gets_less_to_do_and_time_a_quick_one_more() {
        let mut pace = Pace::new(1000, 0, SLOW);
        assert_eq!(pace.after(100, Duration::from_millis(400)), Duration::from_millis(400));
        assert_eq!(pace.batch(), 50);
        assert_eq!(pace.after(50, Duration::from_secs(60)), LONGEST);
        (0..40).for_each(|_| assert_eq!(pace.after(50, Duration::from_millis(1)), Duration::ZERO));
        assert_eq!(pace.batch(), 1000, "and never more than was asked for");
        (0..40).for_each(|_| _ = pace.after(50, Duration::from_secs(1)));
        assert_eq!(pace.batch(), 1);
    }

    #[test]
    fn a_rate_is_kept_and_comes_in_small_pieces() {
        let mut pace = Pace::new(1000, 200, SLOW);
        assert_eq!(pace.batch(), 50);
        assert_eq!(pace.after(50, Duration::from_millis(50)), Duration::from_millis(200));
        assert_eq!(Pace::new(1000, 1, SLOW).batch(), 1);
    }
}
