//! The order of recovery points.
use crate::facts::{Point, PointKind, PointsFacts, Seconds};
use std::cmp::Ordering;

/// What the operator prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Prefer {
    /// Least loss, then fastest.
    #[default]
    Complete,
    /// Fastest within the RPO.
    Fast,
}

impl std::str::FromStr for Prefer {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "complete" => Ok(Self::Complete),
            "fast" => Ok(Self::Fast),
            other => Err(format!("`{}` is neither complete nor fast", other.escape_debug())),
        }
    }
}

/// Is this point known to hold no key? An AOF with commands after its base is not known to, whatever its base holds.
#[must_use]
pub fn known_empty(point: &Point) -> bool {
    point.keys == Some(0)
}

/// Puts the points in order, best first.
///
/// A point that can be restored here comes before one that can't; one that may hold keys before one known to hold none;
/// one with a moment before one without. `rpo` bounds the loss that [`Prefer::Fast`] accepts; without one every
/// known loss is accepted.
#[must_use]
pub fn rank(mut points: Vec<Point>, prefer: Prefer, rpo: Option<Seconds>) -> Vec<Point> {
    points.sort_by(|a, b| order(a, b, prefer, rpo));
    points
}

fn order(a: &Point, b: &Point, prefer: Prefer, rpo: Option<Seconds>) -> Ordering {
    let tier =
        |p: &Point| (!p.usable(), known_empty(p), p.as_of.is_none(), p.keeps_after(), p.kind != PointKind::Memory);
    let by_loss = || number(a.worst_loss()).total_cmp(&number(b.worst_loss()));
    let by_time = || number(a.recover_seconds).total_cmp(&number(b.recover_seconds));
    let preferred = || match prefer {
        Prefer::Complete => by_loss().then_with(by_time),
        Prefer::Fast => {
            let late = |p: &Point| p.worst_loss().is_none_or(|loss| rpo.is_some_and(|most| loss > most));
            late(a).cmp(&late(b)).then_with(|| if late(a) { by_loss() } else { by_time().then_with(by_loss) })
        }
    };
    if a.kind == PointKind::Backup && b.kind == PointKind::Backup && a.as_of == b.as_of && a.as_of.is_some() {
        // moments are whole seconds: of two backups of one second the list's order decides, newest file first
        return tier(a).cmp(&tier(b));
    }
    tier(a)
        .cmp(&tier(b))
        .then_with(preferred)
        // Newer data first where loss is equal or unknown; then a fixed order, so that two calls answer alike.
        .then_with(|| b.as_of.cmp(&a.as_of))
        .then_with(|| a.kind.cmp(&b.kind))
        .then_with(|| a.id.cmp(&b.id))
}

fn number(seconds: Option<Seconds>) -> f64 {
    seconds.map_or(f64::INFINITY, |s| s.0)
}

/// The points as a vocabulary of conditions; `points` must be in order.
///
/// Where the best that could be restored is known to be empty, while something that can't be restored may hold data,
/// nothing counts as usable: coming up empty is a person's decision.
#[must_use]
pub fn summary(points: &[Point]) -> PointsFacts {
    let best = points.iter().find(|p| p.usable());
    let any_data = points.iter().any(|p| !known_empty(p));
    let usable = best.is_some_and(|p| !known_empty(p) || !any_data);
    PointsFacts {
        usable: Some(usable),
        best: best.map(|p| p.id.clone()),
        best_kind: best.map(|p| p.kind),
        best_undoes_flush: Some(best.is_some_and(Point::undoes_flush)),
        best_loss: best.and_then(Point::worst_loss),
        any_data: Some(any_data),
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::{Loadable, Time, Validity};

    pub(crate) fn point(id: &str, kind: PointKind, as_of: Option<i64>, keys: Option<u64>) -> Point {
        Point {
            id: id.into(),
            kind,
            source: id.into(),
            as_of: as_of.and_then(Time::from_unix),
            loss_seconds: as_of.map(|t| Seconds((1000 - t) as f64)),
            keys,
            keys_expired: None,
            base_keys: None,
            commands: None,
            bytes: None,
            valid: Validity::Intact,
            loadable: Loadable::Yes,
            recover_seconds: Some(Seconds(1.0)),
            why: String::new(),
            memory_needed: None,
            loss_upper: None,
            path: None,
            compression: None,
            cut: None,
            content: None,
            needs_rebuild: false,
        }
    }

    fn ids(points: &[Point]) -> Vec<&str> {
        points.iter().map(|p| p.id.as_str()).collect()
    }

    #[test]
    fn least_loss_comes_first_and_an_empty_point_last() {
        let empty = point("aof", PointKind::Aof, Some(1000), Some(0));
        let old = point("n/old", PointKind::Backup, Some(100), Some(5));
        let rdb = point("rdb", PointKind::Rdb, Some(900), Some(5));
        let ranked = rank(vec![empty, old, rdb], Prefer::Complete, None);
        assert_eq!(ids(&ranked), ["rdb", "n/old", "aof"]);
    }

    #[test]
    fn a_damaged_backup_never_outranks_a_good_one() {
        let mut damaged = point("n/new", PointKind::Backup, Some(999), None);
        damaged.valid = Validity::Damaged;
        let good = point("n/old", PointKind::Backup, Some(10), Some(5));
        let empty = point("rdb", PointKind::Rdb, Some(990), Some(0));
        let ranked = rank(vec![damaged, empty, good], Prefer::Complete, None);
        assert_eq!(ids(&ranked), ["n/old", "rdb", "n/new"]);
        assert_eq!(summary(&ranked).best.as_deref(), Some("n/old"));
    }

    #[test]
    fn an_empty_best_is_not_usable_while_something_else_may_hold_data() {
        let mut damaged = point("n/new", PointKind::Backup, Some(999), None);
        damaged.valid = Validity::Damaged;
        let empty = point("rdb", PointKind::Rdb, Some(990), Some(0));
        assert_eq!(summary(&rank(vec![damaged, empty.clone()], Prefer::Complete, None)).usable, Some(false));
        assert_eq!(summary(&[empty]).usable, Some(true));
        assert_eq!(summary(&[]).usable, Some(false));
    }

    #[test]
    fn a_cut_without_a_moment_ranks_below_any_with_one() {
        let cut = point("aof-cut", PointKind::AofCut, None, None);
        let old = point("n/old", PointKind::Backup, Some(10), Some(5));
        assert_eq!(ids(&rank(vec![cut, old], Prefer::Complete, None)), ["n/old", "aof-cut"]);
    }

    #[test]
    fn fast_takes_the_fastest_within_the_rpo() {
        let mut slow = point("aof", PointKind::Aof, Some(1000), None);
        slow.recover_seconds = Some(Seconds(60.0));
        let rdb = point("rdb", PointKind::Rdb, Some(900), Some(5));
        let mut older = point("n/old", PointKind::Backup, Some(1), Some(5));
        older.recover_seconds = Some(Seconds(0.1));
        let ranked = rank(vec![slow, older, rdb], Prefer::Fast, Some(Seconds(300.0)));
        assert_eq!(ids(&ranked), ["rdb", "aof", "n/old"]);
    }
}
