//! How long each step of a plan is expected to take: coarse, from sizes and conservative rates.
use super::{Plan, PlannedStep};
use crate::facts::Seconds;

/// What a step takes that moves no data.
const AT_ONCE: f64 = 0.1;
/// Bytes a second that a safety copy is written at.
const COPY_RATE: f64 = 500e6;

impl Plan {
    /// The steps that are carried out, each with the time it is expected to take.
    pub fn expected(&self) -> impl Iterator<Item = (&PlannedStep, Seconds)> {
        self.steps.iter().filter(|s| s.skipped().is_none()).map(|s| (s, self.takes(s)))
    }

    fn takes(&self, step: &PlannedStep) -> Seconds {
        let estimate = &self.site.estimate;
        let work = match step.action.as_str() {
            "service.start" | "service.restart" => estimate.load.0,
            "redis.rewrite_aof" | "redis.bgsave" | "redis.enable_aof" => estimate.rewrite.0,
            "rdb.place" | "aof.cut" | "aof.seed" => estimate.copy.0,
            _ => AT_ONCE,
        };
        #[allow(clippy::cast_precision_loss)]
        let copies: u64 =
            step.safety_copies.iter().filter(|c| c.how == "copy").filter_map(|c| c.bytes).map(|b| b.0).sum();
        #[allow(clippy::cast_precision_loss)]
        Seconds(work.max(AT_ONCE) + copies as f64 / COPY_RATE)
    }
}
