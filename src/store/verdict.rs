//! Verdicts on files, remembered: the same inode with the same size and time needs no second walk.
use super::{StoreError, open};
use crate::host::{Look, OwnFiles, Stat};
use crate::rdb::{Checksum, Report, Verdict, WalkOptions, walk};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

/// Name of the record in the state directory.
const FILE: &str = "verdicts.json";
/// Largest record read back, in bytes.
const LARGEST: u64 = 16 << 20;
/// Verdicts kept; the rest of an older record is forgotten.
const MOST: usize = 2000;
/// Raised when the walker judges differently, so that old verdicts are not believed.
const REVISION: u32 = 1;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    revision: u32,
    walked: BTreeMap<String, Kept>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    /// Sequence of use, so that the oldest can be forgotten.
    at: i64,
    report: Report,
}

/// What earlier walks came to.
#[derive(Debug, Default)]
pub struct Verdicts {
    known: Mutex<(BTreeMap<String, Kept>, bool)>,
}

impl Verdicts {
    /// Reads the record; a missing, unreadable or older one is an empty one.
    #[must_use]
    pub fn load(look: &Look, state_dir: &Path) -> Self {
        let record: Record = look
            .read(&state_dir.join(FILE), LARGEST)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .filter(|record: &Record| record.revision == REVISION)
            .unwrap_or_default();
        Self { known: Mutex::new((record.walked, false)) }
    }

    fn get(&self, stat: &Stat) -> Option<Report> {
        self.known.lock().ok()?.0.get(&key(stat)).map(|kept| kept.report.clone())
    }

    fn put(&self, stat: &Stat, report: &Report, now: i64) {
        if let Ok(mut known) = self.known.lock() {
            known.0.insert(key(stat), Kept { at: now, report: report.clone() });
            known.1 = true;
        }
    }

    /// Writes what is new. A failure is nobody's harm: the next call walks again.
    pub fn save(&self, state_dir: &Path) {
        let Ok(mut known) = self.known.lock() else {
            return;
        };
        if !known.1 {
            return;
        }
        while known.0.len() > MOST {
            let Some(oldest) = known.0.iter().min_by_key(|(_, kept)| kept.at).map(|(key, _)| key.clone()) else {
                break;
            };
            known.0.remove(&oldest);
        }
        let record = Record { revision: REVISION, walked: std::mem::take(&mut known.0) };
        if let (Ok(own), Ok(bytes)) = (OwnFiles::open(state_dir), serde_json::to_vec(&record)) {
            let _ = own.write_unsynced(FILE, &bytes);
        }
        *known = (record.walked, false);
    }
}

/// Device, inode, size and time of the last change.
fn key(stat: &Stat) -> String {
    format!("{}:{}:{}:{}", stat.dev, stat.ino, stat.size, stat.mtime_ns)
}

/// Walks a snapshot, packed or not, or remembers what an earlier walk came to.
///
/// Keys that expired since an earlier walk are not counted anew: `expired` is as of that walk.
///
/// # Errors
/// The file can't be opened. Damage inside is the report's verdict.
pub fn examine(look: &Look, path: &Path, known: &Verdicts, now_ms: i64) -> Result<(Report, Stat), StoreError> {
    let before = look.stat(path).map_err(StoreError::Host)?;
    if let Some(report) = known.get(&before) {
        return Ok((report, before));
    }
    let opened = open(look, path)?;
    let (stat, hint) = (opened.stat, opened.len_hint());
    let options = WalkOptions { now_ms, ..WalkOptions::default() };
    let mut report = walk(opened, hint, &options, &|_| {});
    let after = look.stat(path).map_err(StoreError::Host)?;
    if after != stat {
        report.verdict = Verdict::Unreadable { because: "it was changed while it was read".into() };
        report.checksum = Checksum::Unchecked;
        return Ok((report, after));
    }
    // An error of the reader says nothing about the file; in a packed one it is damage that stays.
    if !matches!(report.verdict, Verdict::Unreadable { .. } | Verdict::Stopped) {
        known.put(&stat, &report, now_ms);
    }
    Ok((report, stat))
}
