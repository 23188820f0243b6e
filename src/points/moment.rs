//! The last known write, and what a point loses against it.
use crate::facts::{Point, PointKind, Seconds, Time, Validity};

/// The latest moments at which something says that the instance took writes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LastWrite {
    /// When the AOF was last written.
    pub aof: Option<Time>,
    /// The newest snapshot of the instance: its `ctime` or its file's time.
    pub rdb: Option<Time>,
    /// The last line of the server's log, while it served.
    pub log: Option<Time>,
    /// The operator says that the data was good until then.
    pub incident_at: Option<Time>,
    /// A save that ended the last run left nothing out, so the snapshot is the last write.
    pub saved_at_the_end: bool,
}

impl LastWrite {
    /// The last known write: the incident where one is given, else the newest of all.
    #[must_use]
    pub fn at(&self) -> Option<Time> {
        if self.incident_at.is_some() {
            return self.incident_at;
        }
        // that snapshot may be lost by now; what else there is bounds the loss then
        if self.saved_at_the_end && self.aof.is_none() && self.rdb.is_some() {
            return self.rdb;
        }
        [self.aof, self.rdb, self.log].into_iter().flatten().max()
    }
}

/// Fills in what a point would lose: measured from the last known write, else bounded by `now`.
///
/// A snapshot that is itself the only sign of the last write proves nothing about writes after it: its loss is unknown,
/// and bounded by now (or the incident) minus its moment.
pub fn weigh(point: &mut Point, last: &LastWrite, now: Time) {
    let since = |until: Time, from: Time| Seconds(until.since(from).0.max(0.0));
    if let Some(cut) = &point.cut
        && cut.only_incomplete
    {
        // Nobody was told that an incomplete command or transaction was done.
        point.loss_seconds = Some(Seconds(0.0));
        return;
    }
    let Some(as_of) = point.as_of else {
        point.loss_seconds = None;
        point.loss_upper = None;
        return;
    };
    if point.kind == PointKind::Memory || (point.kind == PointKind::Aof && point.valid == Validity::Intact) {
        // These are where the last write went.
        point.loss_seconds = Some(last.incident_at.map_or(Seconds(0.0), |until| since(until, as_of)));
        return;
    }
    let proven = last.incident_at.is_some() || last.aof.is_some() || last.log.is_some() || last.saved_at_the_end;
    match last.at() {
        Some(at) if proven => point.loss_seconds = Some(since(at, as_of)),
        _ => {
            point.loss_seconds = None;
            point.loss_upper = Some(since(last.incident_at.unwrap_or(now), as_of));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::rank::tests::point;
    use super::*;
    use crate::facts::Cut;

    fn t(seconds: i64) -> Time {
        Time::from_unix(seconds).unwrap()
    }

    #[test]
    fn loss_is_measured_from_the_newest_sign_of_a_write() {
        let mut rdb = point("rdb", PointKind::Rdb, Some(100), Some(1));
        let last = LastWrite { aof: Some(t(160)), log: Some(t(150)), rdb: Some(t(100)), ..LastWrite::default() };
        weigh(&mut rdb, &last, t(1000));
        assert_eq!(rdb.loss_seconds, Some(Seconds(60.0)));
    }

    #[test]
    fn a_lone_snapshot_has_only_an_upper_bound() {
        let mut rdb = point("rdb", PointKind::Rdb, Some(100), Some(1));
        weigh(&mut rdb, &LastWrite { rdb: Some(t(100)), ..LastWrite::default() }, t(1000));
        assert_eq!((rdb.loss_seconds, rdb.loss_upper), (None, Some(Seconds(900.0))));
    }

    #[test]
    fn a_save_at_the_end_loses_nothing() {
        let mut rdb = point("rdb", PointKind::Rdb, Some(100), Some(1));
        let last = LastWrite { rdb: Some(t(100)), log: Some(t(104)), saved_at_the_end: true, ..LastWrite::default() };
        weigh(&mut rdb, &last, t(1000));
        assert_eq!(rdb.loss_seconds, Some(Seconds(0.0)));
        let mut backup = point("nightly/a.rdb", PointKind::Backup, Some(100), Some(1));
        weigh(&mut backup, &LastWrite { rdb: None, ..last }, t(1000));
        assert_eq!(backup.loss_seconds, Some(Seconds(4.0)), "that snapshot is lost, the log's word is left");
    }

    #[test]
    fn a_cut_of_an_incomplete_command_loses_nothing() {
        let mut cut = point("aof-cut", PointKind::AofCut, None, None);
        cut.cut = Some(Cut { only_incomplete: true, ..Cut::default() });
        weigh(&mut cut, &LastWrite::default(), t(1000));
        assert_eq!(cut.loss_seconds, Some(Seconds(0.0)));
    }
}
