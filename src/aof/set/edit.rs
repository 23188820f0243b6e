//! Leaving commands out of a set: what remains of each file, and what goes.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FileReport, SetReport, SetState};

/// Bytes of one file that are left out of a copy: whole commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The file.
    pub file: String,
    /// Where they start.
    pub offset: u64,
    /// How many there are.
    pub bytes: u64,
}

/// The gaps that take these flushes, by their places in [`SetReport::flushes`], out of a set and keep all else.
///
/// `None` where the set is not whole: then it must be mended first, and what would be kept is not known.
#[must_use]
pub fn without(report: &SetReport, flushes: &[usize]) -> Option<Vec<Gap>> {
    if report.state != SetState::Intact {
        return None;
    }
    let gap = |index: &usize| {
        let found = report.flushes.get(*index)?;
        Some(Gap { file: found.file.clone(), offset: found.flush.offset, bytes: found.flush.bytes })
    };
    flushes.iter().map(gap).collect()
}

/// The pieces of one file that stay, as (start, length); the last one has no end, since the file may have grown.
#[must_use]
pub fn pieces(gaps: &[Gap], file: &str) -> Vec<(u64, Option<u64>)> {
    let mut here: Vec<&Gap> = gaps.iter().filter(|gap| gap.file == file).collect();
    here.sort_by_key(|gap| gap.offset);
    let mut from = 0;
    let mut out = Vec::new();
    for gap in here {
        out.push((from, Some(gap.offset.saturating_sub(from))));
        from = gap.offset + gap.bytes;
    }
    out.push((from, None));
    out
}

/// The files that a start reads after one.
pub fn files_after<'r>(report: &'r SetReport, file: &str) -> impl Iterator<Item = &'r FileReport> {
    let at = report.files.iter().position(|f| f.name == file).map_or(report.files.len(), |at| at + 1);
    report.files.iter().skip(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_all_but_the_gaps_in_order() {
        let gap = |file: &str, offset, bytes| Gap { file: file.into(), offset, bytes };
        let gaps = [gap("a", 50, 10), gap("b", 1, 2), gap("a", 0, 20)];
        assert_eq!(pieces(&gaps, "a"), [(0, Some(0)), (20, Some(30)), (60, None)]);
        assert_eq!(pieces(&gaps, "b"), [(0, Some(1)), (3, None)]);
        assert_eq!(pieces(&gaps, "c"), [(0, None)]);
    }
}
