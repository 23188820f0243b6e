//! How long bringing a point back takes, and how much memory its data needs.
use crate::facts::{Bytes, Point, PointKind, Seconds};

/// Throughputs in bytes per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Loading a snapshot.
    pub rdb_load: f64,
    /// Replaying commands.
    pub aof_load: f64,
    /// Writing the AOF anew.
    pub rewrite: f64,
    /// Copying and syncing a file.
    pub copy: f64,
    /// Were they measured on this host, rather than assumed?
    pub measured: bool,
}

impl Default for Rates {
    /// Deliberately slow: a promise that is kept early harms nobody.
    fn default() -> Self {
        Self { rdb_load: 100e6, aof_load: 50e6, rewrite: 50e6, copy: 100e6, measured: false }
    }
}

/// Stopping, starting and the first answer, in seconds.
const FIXED: f64 = 1.0;

/// What loading, rewriting and copying this point takes.
#[must_use]
pub fn estimate(point: &Point, base_bytes: Option<Bytes>, rates: &Rates) -> (Seconds, Seconds, Seconds) {
    let whole = plain_bytes(point);
    let (base, commands) = match point.kind {
        PointKind::Aof | PointKind::AofCut => {
            let base = base_bytes.map_or(0.0, |b| as_f64(b.0)).min(whole);
            (base, whole - base)
        }
        _ => (whole, 0.0),
    };
    let load = FIXED + base / rates.rdb_load + commands / rates.aof_load;
    (Seconds(load), Seconds(FIXED + whole / rates.rewrite), Seconds(whole / rates.copy))
}

/// Memory that the data of a point takes: what its writer used, else a multiple of its bytes.
#[must_use]
pub fn memory_needed(used_mem: Option<u64>, point: &Point) -> Option<Bytes> {
    if let Some(used) = used_mem.filter(|used| *used > 0) {
        return Some(Bytes(used));
    }
    let bytes = plain_bytes(point);
    // Snapshots pack small values tightly; in memory each key has its own overhead.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    point.bytes.map(|_| Bytes((bytes * 2.5) as u64))
}

/// Bytes after decompression, guessed where they are compressed.
fn plain_bytes(point: &Point) -> f64 {
    let bytes = point.bytes.map_or(0.0, |b| as_f64(b.0));
    if point.compression.is_some() { bytes * 3.0 } else { bytes }
}

#[allow(clippy::cast_precision_loss)]
fn as_f64(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::rank::tests::point;
    use super::*;

    #[test]
    fn base_and_commands_have_their_own_speed() {
        let mut aof = point("aof", PointKind::Aof, None, None);
        aof.bytes = Some(Bytes(300_000_000));
        let (load, _, _) = estimate(&aof, Some(Bytes(200_000_000)), &Rates::default());
        assert_eq!(load, Seconds(5.0));
    }

    #[test]
    fn memory_is_what_the_writer_used_else_a_multiple() {
        let mut rdb = point("rdb", PointKind::Rdb, None, None);
        rdb.bytes = Some(Bytes(100));
        assert_eq!(memory_needed(Some(7), &rdb), Some(Bytes(7)));
        assert_eq!(memory_needed(None, &rdb), Some(Bytes(250)));
    }
}
