//! Earlier runs of redis-dr on an instance, and what of its files and log is their doing and not a client's. Pure.
use crate::facts::{Assessment, ProcessState, RunFacts, Time};
use std::collections::BTreeMap;

/// What is known of earlier runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Earlier {
    /// What conditions ask about them.
    pub facts: RunFacts,
    /// When runs were at work, newest first.
    pub windows: Vec<Window>,
}

/// The time in which one run was at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The run.
    pub run: String,
    /// When it began.
    pub from: Time,
    /// When its journal was written last.
    pub until: Time,
    /// When it let clients write again, where it did.
    pub opened: Option<Time>,
    /// What it had found; none where that is lost.
    pub before: Option<Before>,
}

/// What a run found before it changed anything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Before {
    /// Was the server down?
    pub down: bool,
    /// Had somebody stopped it?
    pub stopped_on_purpose: Option<bool>,
    /// When the AOF was written last.
    pub aof_written: Option<Time>,
    /// Where its configuration had the data.
    pub data_dir: Option<String>,
    /// The moment of each recovery point's data, by its id.
    pub as_of: BTreeMap<String, Time>,
}

impl Before {
    /// The part of an assessment that later ones need.
    #[must_use]
    pub fn of(assessment: &Assessment) -> Self {
        let process = &assessment.facts.process;
        Self {
            down: process.state == Some(ProcessState::Down),
            stopped_on_purpose: process.stopped_on_purpose,
            aof_written: assessment.facts.files.aof.modified_at,
            data_dir: assessment.facts.config.data_dir.clone(),
            as_of: assessment.points.iter().filter_map(|p| Some((p.id.clone(), p.as_of?))).collect(),
        }
    }
}

impl Window {
    fn holds(&self, at: Time) -> bool {
        self.from <= at && at <= self.until
    }

    /// Could no client write just then? The server was down before the run, and the run had not let clients in.
    fn quiet(&self, at: Time) -> bool {
        self.before.as_ref().is_some_and(|b| b.down) && self.from <= at && at <= self.opened.unwrap_or(self.until)
    }
}

impl Earlier {
    /// The run that was at work at that moment.
    #[must_use]
    pub fn at_work(&self, at: Time) -> Option<&Window> {
        self.windows.iter().find(|w| w.holds(at))
    }

    /// The run at that moment, if no client could write just then: what is of that time is the run's own doing.
    #[must_use]
    pub fn quiet(&self, at: Time) -> Option<&Window> {
        self.windows.iter().find(|w| w.quiet(at))
    }

    /// When a run last let clients in: the server served then, though its log may have no line of it.
    #[must_use]
    pub fn let_in(&self) -> Option<Time> {
        self.windows.iter().filter_map(|w| w.opened).max()
    }

    /// When clients last wrote the AOF, which was last written at that moment.
    #[must_use]
    pub fn aof_written(&self, at: Time) -> Option<Time> {
        // What one run found may be the doing of another before it.
        self.windows.iter().try_fold(at, |at, w| if w.quiet(at) { w.before.as_ref()?.aof_written } else { Some(at) })
    }

    /// Is a server run that wrote its first line at `began` a run's own? `next`: when the one after it began. The last one
    /// before clients were let in is theirs.
    #[must_use]
    pub fn started(&self, began: Time, next: Option<Time>) -> bool {
        let own = |w: &Window| w.quiet(began) && w.opened.is_none_or(|opened| next.is_some_and(|next| next <= opened));
        self.windows.iter().any(own)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn t(seconds: i64) -> Time {
        Time::from_unix(seconds).unwrap()
    }

    fn window(from: i64, until: i64, opened: Option<i64>, down: bool, aof: i64) -> Window {
        let before = Before { down, aof_written: Some(t(aof)), ..Before::default() };
        Window { run: from.to_string(), from: t(from), until: t(until), opened: opened.map(t), before: Some(before) }
    }

    #[test]
    fn times_of_runs_that_were_taken_back_stand_for_what_the_first_of_them_found() {
        let windows = vec![window(300, 310, None, true, 205), window(200, 210, None, true, 100)];
        let earlier = Earlier { windows, ..Earlier::default() };
        assert_eq!(earlier.aof_written(t(308)), Some(t(100)));
        assert_eq!(earlier.aof_written(t(250)), Some(t(250)));
    }

    #[test]
    fn what_comes_after_the_opening_is_a_clients() {
        let earlier = Earlier { windows: vec![window(200, 230, Some(220), true, 100)], ..Earlier::default() };
        assert_eq!(earlier.aof_written(t(225)), Some(t(225)));
        assert_eq!(earlier.let_in(), Some(t(220)));
        assert!(!earlier.started(t(210), None), "this one serves");
        assert!(earlier.started(t(205), Some(t(210))) && !earlier.started(t(210), Some(t(500))));
    }

    #[test]
    fn a_run_on_a_server_that_was_up_is_not_quiet_but_its_stops_are_its_own() {
        let earlier = Earlier { windows: vec![window(200, 230, None, false, 100)], ..Earlier::default() };
        assert!(earlier.quiet(t(210)).is_none() && earlier.at_work(t(210)).is_some());
    }
}
