//! What happened when, as bars and marks on one axis.
use crate::facts::{Seconds, Time};
use serde::Serialize;

/// The part of the axis that what came before takes where it is too long to be drawn to scale, in percent.
const BREAK: f64 = 12.0;
/// What came before is drawn to scale while it is at most so many times as long as the rest.
const TO_SCALE: f64 = 3.0;
/// No bar is thinner, in percent: a step that took no time happened all the same.
const THINNEST: f64 = 0.6;

/// What happened when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    /// What it shows, in one sentence.
    pub about: String,
    /// From here the axis is to scale.
    pub from: Time,
    /// To here.
    pub to: Time,
    /// What came before, where anything did.
    pub before: Option<Before>,
    /// What took time, in order.
    pub bars: Vec<Bar>,
    /// What happened at a moment, in order.
    pub marks: Vec<Mark>,
    /// Is it about times that are expected rather than measured?
    pub estimated: bool,
}

/// The time before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Before {
    /// What was then.
    pub name: String,
    /// Since when.
    pub since: Time,
}

/// Something that took time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// What became of it; `done` is the usual one.
    pub outcome: String,
    /// When it began.
    pub from: Time,
    /// How long it took.
    pub took: Seconds,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mark {
    /// What.
    pub name: String,
    /// When.
    pub at: Time,
}

/// One row of the picture; places in percent of its width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    pub label: String,
    pub when: String,
    pub outcome: String,
    pub left: f64,
    /// None: a moment.
    pub width: Option<f64>,
    /// Not to scale.
    pub broken: bool,
}

impl Timeline {
    fn whole(&self) -> f64 {
        self.to.since(self.from).0.max(0.001)
    }

    /// Its rows from top to bottom, by when they begin.
    pub(super) fn rows(&self) -> Vec<Row> {
        let whole = self.whole();
        let past = self.before.as_ref().map_or(0.0, |b| self.from.since(b.since).0.max(0.0));
        let broken = past > whole * TO_SCALE;
        // where the scale begins, and percent for a second of it
        let (start, unit) = if past <= 0.0 {
            (0.0, 100.0 / whole)
        } else if broken {
            (BREAK, (100.0 - BREAK) / whole)
        } else {
            (past * 100.0 / (whole + past), 100.0 / (whole + past))
        };
        let place = |at: Time| (start + at.since(self.from).0 * unit).clamp(0.0, 100.0);
        let mut rows: Vec<(Time, Row)> = Vec::new();
        if let Some(before) = &self.before
            && past > 0.0
        {
            let width = Some(start.max(THINNEST));
            let (label, when) = (before.name.clone(), format!("{}, {}", moment(before.since), Seconds(past)));
            rows.push((before.since, Row { label, when, outcome: "before".into(), left: 0.0, width, broken }));
        }
        for bar in &self.bars {
            let left = place(bar.from).min(100.0 - THINNEST);
            let width = Some((bar.took.0 * unit).max(THINNEST).min(100.0 - left));
            let (label, outcome) = (bar.name.clone(), bar.outcome.clone());
            let about = if self.estimated { "about " } else { "" };
            let when = format!("{about}{}", short(bar.took));
            rows.push((bar.from, Row { label, when, outcome, left, width, broken: false }));
        }
        for mark in &self.marks {
            let left = place(mark.at).clamp(0.5, 99.5);
            let (label, outcome) = (mark.name.clone(), "mark".to_string());
            let when =
                if self.estimated { format!("after about {}", mark.at.since(self.from)) } else { moment(mark.at) };
            rows.push((mark.at, Row { label, when, outcome, left, width: None, broken: false }));
        }
        rows.sort_by_key(|(at, _)| *at);
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

/// A duration, below a second in milliseconds.
fn short(took: Seconds) -> String {
    if took.0 < 0.9995 { format!("{:.0} ms", took.0 * 1000.0) } else { took.to_string() }
}

/// The time of day, to the second.
fn moment(at: Time) -> String {
    at.to_string().split_once('T').map_or(String::new(), |(_, time)| time.chars().take(8).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time(format!("2026-11-21T{text}Z").parse().unwrap())
    }

    fn timeline(since: &str) -> Timeline {
        Timeline {
            about: String::new(),
            from: at("03:15:00"),
            to: at("03:15:10"),
            before: Some(Before { name: "down".into(), since: at(since) }),
            bars: vec![Bar { name: "start".into(), outcome: "done".into(), from: at("03:15:05"), took: Seconds(5.0) }],
            marks: vec![Mark { name: "serving".into(), at: at("03:15:10") }],
            estimated: false,
        }
    }

    #[test]
    fn a_short_time_before_is_to_scale() {
        let rows = timeline("03:14:50").rows();
        let left: Vec<f64> = rows.iter().map(|r| r.left.round()).collect();
        assert_eq!(left, [0.0, 75.0, 100.0]);
        assert_eq!(rows[0].width, Some(50.0));
        assert!(!rows[0].broken && rows[2].width.is_none());
    }

    #[test]
    fn a_long_one_is_broken_off() {
        let rows = timeline("01:00:00").rows();
        assert!(rows[0].broken && rows[0].width == Some(BREAK), "{rows:?}");
        assert_eq!(rows[1].left, 56.0);
        assert_eq!(rows[0].when, "01:00:00, 2 h 15 min");
    }

    #[test]
    fn nothing_leaves_the_picture() {
        let mut odd = timeline("03:15:00");
        odd.bars[0].from = at("03:59:00");
        odd.marks[0].at = at("02:00:00");
        odd.to = odd.from;
        for row in odd.rows() {
            assert!(row.left >= 0.0 && row.left + row.width.unwrap_or(0.0) <= 100.0, "{row:?}");
        }
    }
}
