//! How fast a server that others use is asked: at a given rate, or as its own PING allows.
use super::{Server, ServerError};
use std::time::{Duration, Instant};

/// The longest rest between two batches, where no rate is given.
const LONGEST: Duration = Duration::from_millis(250);
/// The shortest and the longest rest, in times that the batch took: a half leaves the server a third of the time, four leave
/// it four fifths, and more would only make a busy host take hours.
const SHARES: (f64, f64) = (0.5, 4.0);
/// A PING this much slower than the fastest one says that the server is busy.
const SLOWER: u32 = 3;
/// Differences below this are noise.
const NOISE: Duration = Duration::from_millis(2);

/// Rests between batches of questions.
#[derive(Debug)]
pub struct Pace {
    /// Keys a second; without it, as the server bears.
    rate: Option<u64>,
    began: Instant,
    asked: u64,
    /// The fastest PING seen.
    calm: Duration,
    /// A rest is so many times as long as the batch took.
    share: f64,
}

impl Pace {
    /// A pace of so many keys a second; without a number it begins with rests half as long as the work, and makes them
    /// longer while PINGs are slow.
    #[must_use]
    pub fn new(rate: Option<u64>) -> Self {
        Self { rate, began: Instant::now(), asked: 0, calm: Duration::MAX, share: SHARES.0 }
    }

    /// How many keys to ask for at once, of at most so many: at a low rate few, so that no rest is long.
    #[must_use]
    pub fn batch(&self, most: usize) -> usize {
        self.rate.map_or(most, |rate| usize::try_from(rate).unwrap_or(most).clamp(1, most))
    }

    /// Rests after a batch of so many keys that took this long.
    ///
    /// # Errors
    /// The server stopped answering.
    pub fn rest(&mut self, server: &mut Server, keys: u64, took: Duration) -> Result<(), ServerError> {
        self.asked += keys;
        let pause = match self.rate {
            Some(rate) => {
                Duration::from_secs_f64(self.asked as f64 / rate.max(1) as f64).saturating_sub(self.began.elapsed())
            }
            None => {
                let asked = Instant::now();
                // one that may not write (MISCONF) refuses PING, and answers all the same
                server.ping().or_else(|refused| if refused.answered() { Ok(()) } else { Err(refused) })?;
                self.after_ping(asked.elapsed(), took)
            }
        };
        std::thread::sleep(pause);
        Ok(())
    }

    /// How long to rest after a PING that took this long.
    fn after_ping(&mut self, ping: Duration, took: Duration) -> Duration {
        self.calm = self.calm.min(ping);
        let busy = ping > self.calm * SLOWER + NOISE;
        self.share = if busy { (self.share * 2.0).min(SHARES.1) } else { (self.share * 0.8).max(SHARES.0) };
        took.mul_f64(self.share).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_a_low_rate_few_keys_are_asked_for_at_once() {
        assert_eq!([None, Some(1), Some(30), Some(9000)].map(|rate| Pace::new(rate).batch(200)), [200, 1, 30, 200]);
    }

    #[test]
    fn rests_grow_while_pings_are_slow_and_shrink_again() {
        let (mut pace, took) = (Pace::new(None), Duration::from_millis(10));
        let quick = Duration::from_micros(100);
        assert_eq!(pace.after_ping(quick, took), Duration::from_millis(5));
        assert_eq!(pace.after_ping(Duration::from_millis(20), took), Duration::from_millis(10));
        assert_eq!(pace.after_ping(Duration::from_millis(20), took), Duration::from_millis(20));
        let mut rest = Duration::ZERO;
        for _ in 0..20 {
            rest = pace.after_ping(quick, took);
        }
        assert_eq!(rest, Duration::from_millis(5), "never without any rest");
        for _ in 0..20 {
            rest = pace.after_ping(Duration::from_secs(1), Duration::from_secs(5));
        }
        assert_eq!(rest, LONGEST);
    }
}
