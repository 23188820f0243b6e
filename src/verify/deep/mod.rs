//! Every key of a point against the live server, by value.
//!
//! The point's snapshot is walked once; key after key the server is asked for type, expiry and, by DUMP, for the value, and
//! the values are compared by what they mean ([`crate::rdb::Meaning`]): another encoding is no difference. Large values are
//! read in pieces, so that no single question keeps the server from its clients, and the whole goes at a pace that they don't
//! feel. How far it has come is kept, so that a comparison that was cut off goes on.
mod ask;
mod judge;
mod progress;

pub use judge::{Deep, DeepKey, Since};
pub use progress::Progress;

use super::Clients;
use crate::rdb::{self, KeyMeta, Meaning, Met, Verdict, WalkOptions};
use crate::server::{Pace, Server, ServerError};
use ask::Live;
use std::io::Read;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Keys that are asked for at once.
const BATCH: usize = 200;
/// How often it is kept how far it has come.
const KEPT_EVERY: Duration = Duration::from_secs(2);

/// Why a comparison did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DeepError {
    /// The server stopped answering, or somebody asked to stop.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The point can't be read to its end.
    #[error("the recovery point can't be read to its end: {0}")]
    Point(String),
}

/// One key as the point has it.
#[derive(Debug, Clone)]
struct Wanted {
    db: u32,
    key: Vec<u8>,
    kind: rdb::Kind,
    expires_at_ms: Option<i64>,
    gone_ms: Option<i64>,
    meaning: Meaning,
}

impl Wanted {
    fn of(key: &KeyMeta<'_>, meaning: Meaning) -> Self {
        Self {
            db: u32::try_from(key.db).unwrap_or(u32::MAX),
            key: key.key.to_vec(),
            kind: key.kind,
            expires_at_ms: key.expire_ms,
            gone_ms: key.gone_ms,
            meaning,
        }
    }
}

/// What a comparison works with.
pub struct Comparison<'a> {
    /// The live server.
    pub server: &'a mut Server,
    /// How fast.
    pub pace: Pace,
    /// Keys in the point.
    pub total: u64,
    /// Does the point have hashes whose fields expire? Then a hash that differs may only have lost such fields.
    pub fields_expire: bool,
    /// The moment, Unix milliseconds.
    pub now_ms: &'a dyn Fn() -> i64,
    /// Has somebody asked to stop?
    pub interrupted: &'a dyn Fn() -> bool,
    /// Hears how many keys were compared, of how many.
    pub heard: &'a mut dyn FnMut(u64, u64),
    /// Keeps how far it has come.
    pub keep: &'a mut dyn FnMut(&Progress),
    /// How far it has come.
    pub progress: Progress,
}

impl Comparison<'_> {
    /// Walks the point and compares; goes on where `progress` stands.
    ///
    /// # Errors
    /// [`DeepError`]; what was compared until then has been kept.
    pub fn walk(&mut self, point: impl Read + Send, len_hint: Option<u64>) -> Result<(), DeepError> {
        self.server.no_touch()?;
        let mut skip = self.progress.done;
        let most = self.pace.batch(BATCH);
        let mut batch: Vec<Wanted> = Vec::with_capacity(most);
        let mut libraries: Vec<Vec<u8>> = Vec::new();
        let mut failed = None;
        let mut kept = Instant::now();
        let options = WalkOptions { now_ms: (self.now_ms)(), stop_at_eof_opcode: false, deep: false };
        let report = rdb::walk_meanings(point, len_hint, &options, &|_| {}, &mut |met| {
            let (key, meaning) = match met {
                Met::Key(key, meaning) => (key, meaning),
                Met::Library(code) => {
                    libraries.push(code.to_vec());
                    return ControlFlow::Continue(());
                }
                // No command asks a server for it.
                Met::ModuleData { .. } => return ControlFlow::Continue(()),
            };
            if skip > 0 {
                skip -= 1;
                return ControlFlow::Continue(());
            }
            let wanted = Wanted::of(key, meaning);
            let other_db = batch.first().is_some_and(|first| first.db != wanted.db);
            if (other_db || batch.len() >= most)
                && let Err(error) = self.batch(&mut batch, &mut kept)
            {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            batch.push(wanted);
            ControlFlow::Continue(())
        });
        if failed.is_none() {
            failed = self.batch(&mut batch, &mut kept).err();
        }
        (self.keep)(&self.progress);
        match (failed, report.verdict) {
            (Some(error), _) => Err(error.into()),
            (None, Verdict::Intact) => Ok(self.end(libraries)?),
            (None, other) => Err(DeepError::Point(other.to_string())),
        }
    }

    /// Compares what was gathered, and rests.
    fn batch(&mut self, batch: &mut Vec<Wanted>, kept: &mut Instant) -> Result<(), ServerError> {
        if (self.interrupted)() {
            return Err(ServerError::Interrupted);
        }
        if batch.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let live = self.ask(batch)?;
        for (wanted, live) in batch.iter().zip(&live) {
            let found = judge::judge(wanted, live, (self.now_ms)(), self.fields_expire);
            self.progress.add(wanted, live, &found);
        }
        let keys = batch.len() as u64;
        batch.clear();
        (self.heard)(self.progress.done, self.total.max(self.progress.done));
        if kept.elapsed() > KEPT_EVERY {
            (self.keep)(&self.progress);
            *kept = Instant::now();
        }
        self.pace.rest(self.server, keys, began.elapsed())
    }

    /// After the last key: what differs is read once more, what the server has beside it is counted.
    fn end(&mut self, libraries: Vec<Vec<u8>>) -> Result<(), ServerError> {
        for at in 0..self.progress.odd.len() {
            if (self.interrupted)() {
                return Err(ServerError::Interrupted);
            }
            let Some(odd) = self.progress.odd.get(at).cloned() else { continue };
            let Some(wanted) = odd.wanted() else { continue };
            let began = Instant::now();
            let live = self.ask(std::slice::from_ref(&wanted))?.into_iter().next().unwrap_or(Live::Gone);
            let found = judge::judge(&wanted, &live, (self.now_ms)(), self.fields_expire);
            self.progress.again(at, &live, &found);
            self.pace.rest(self.server, 1, began.elapsed())?;
        }
        let keyspace = self.server.info(Some("keyspace"))?.keyspace();
        let here: u64 = keyspace.values().map(|db| db.keys).sum();
        self.progress.extra = Some(here.saturating_sub(self.progress.present));
        self.progress.libraries = self.server.libraries()?.map(|mut have| {
            let mut want = libraries;
            have.sort_unstable();
            want.sort_unstable();
            have == want
        });
        Ok(())
    }
}

/// Adds what a comparison came to.
pub fn tell(progress: &Progress, clients: Clients, report: &mut super::Report) -> Deep {
    judge::tell(progress, clients, report)
}
