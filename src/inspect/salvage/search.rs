//! The next place from which records can be read, behind damage.
use super::disk::{From, Patient};
use super::{PIECE, Told, end_of, options};
use crate::rdb::{Magic, Met, Place, walk_from};
use std::ops::ControlFlow;

/// Records in a row that make a place believed.
const ROW: u64 = 24;
/// How far behind damage a record is looked for, bytes.
const SEARCHED: u64 = 64 << 20;
/// How far inside a record that was found records are looked for, bytes.
const WITHIN: u64 = 1 << 20;
/// Bytes read at once where a record is only tried.
const PROBE: u64 = 4 << 10;

/// Looks for the next place from which records can be read, from `place` on and before `end`.
pub(super) fn search(disk: &Patient<'_>, place: Place, end: u64, told: Told<'_>) -> Option<Place> {
    let (mut found, mut row) = row_from(disk, place, end, u64::MAX, told)?;
    // A wrong length leads over many records here, too: whole ones inside the first are believed rather than that one.
    loop {
        let within = Place { offset: found.offset + 1, ..found };
        let end = row.first.min(found.offset + WITHIN);
        match row_from(disk, within, end, row.first, told) {
            Some(inner) => (found, row) = inner,
            None => return Some(found),
        }
    }
}

/// Looks for the next place, before `end`, from which a row of records can be read the second of which ends by `by`.
fn row_from(disk: &Patient<'_>, place: Place, end: u64, by: u64, told: Told<'_>) -> Option<(Place, Row)> {
    let mut at = place.offset;
    let end = end.min(at.saturating_add(SEARCHED));
    let mut window = vec![0; PIECE];
    while at < end {
        let n = match disk.read_at(&mut window, at) {
            Ok(0) => return None,
            Ok(n) => n,
            Err(_) => {
                at = disk.readable_from(at);
                continue;
            }
        };
        told(at, disk.len);
        for (offset, op) in (at..end).zip(window.get(..n).unwrap_or_default()) {
            let candidate = Place { offset, ..place };
            if begins(*op, place.magic)
                && let Some(row) = believed(disk, candidate).filter(|row| row.second <= by)
            {
                return Some((candidate, row));
            }
        }
        at += n as u64;
    }
    None
}

/// Could a record, or what stands before one, begin with this byte?
fn begins(op: u8, magic: Magic) -> bool {
    match op {
        0..=5 | 7 | 9..=22 | 0xf8 | 0xf9 | 0xfb..=0xfe => true,
        23..=25 => magic == Magic::Redis,
        _ => false,
    }
}

/// Where the first records of a row end; the largest number stands for a second that is not there.
struct Row {
    first: u64,
    second: u64,
}

/// Can many records in a row be read from here, or some and then the end of the file?
fn believed(disk: &Patient<'_>, place: Place) -> Option<Row> {
    let (mut keys, mut row) = (0, Row { first: u64::MAX, second: u64::MAX });
    let report = walk_from(From { disk: *disk, at: place.offset }, place, &options(), PROBE, &mut |met| {
        if let Met::Key(key, _) = met {
            keys += 1;
            match keys {
                1 => row.first = key.offset + key.bytes,
                2 => row.second = key.offset + key.bytes,
                _ => {}
            }
        }
        if keys >= ROW { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (keys >= ROW || (keys > 0 && end_of(&report, disk.len).is_none())).then_some(row)
}
