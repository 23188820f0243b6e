//! One walk over the keys of a live server for all checks, at a pace that others don't feel.
use super::grammar::{Check, Checks, Expect, KeyRule, RunRule};
use super::judge::{self, Flaw};
use super::outcome::{Outcome, Tally};
use crate::host::Look;
use crate::host::process::Command;
use crate::inspect::Pattern;
use crate::server::{Held, Pace, Server, ServerError, Wanted};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Instant;

/// Keys that one SCAN is asked for.
const PAGE: usize = 500;

/// A key that is not as it must be, while the walk is at it.
#[derive(Debug)]
pub struct Offence<'a> {
    /// The check.
    pub check: &'a Check,
    /// The database.
    pub db: u32,
    /// The key.
    pub key: &'a [u8],
    /// The value that was judged; none where it is missing, too long to be asked for, or of another type.
    pub value: Option<&'a [u8]>,
    /// What the check's repair would set; none where it would set nothing.
    pub new: Option<Vec<u8>>,
}

/// What a walk works with.
pub struct Scan<'a> {
    /// Runs the programs of `run` checks.
    pub look: &'a Look,
    /// The moment against which moments are judged.
    pub now: Timestamp,
    /// How fast.
    pub pace: Pace,
    /// Has somebody asked to stop?
    pub interrupted: &'a dyn Fn() -> bool,
    /// Hears how many keys were walked, of how many.
    pub progress: &'a mut dyn FnMut(u64, u64),
    /// Is shown every offender, however many.
    pub offence: &'a mut dyn FnMut(&Offence<'_>),
}

/// A check over a pattern, with its count.
struct Row<'c> {
    check: &'c Check,
    pattern: Pattern,
    db: u32,
    place: usize,
}

fn row((place, check): (usize, &Check)) -> Option<Row<'_>> {
    let over = check.expect.over()?;
    Some(Row { check, pattern: Pattern::new(over.pattern), db: over.db, place })
}

impl Scan<'_> {
    /// Carries out all checks, in their order.
    ///
    /// # Errors
    /// The server stopped answering, or does not let us ask; `Interrupted` when somebody asked to stop.
    pub fn carry_out(&mut self, server: &mut Server, checks: &Checks) -> Result<Vec<Outcome>, ServerError> {
        server.no_touch()?;
        let mut tallies: Vec<Tally> = checks.checks.iter().map(|_| Tally::default()).collect();
        self.patterns(server, checks, &mut tallies)?;
        for (check, tally) in checks.checks.iter().zip(&mut tallies) {
            match &check.expect {
                Expect::Key(rule) => key(server, rule, tally)?,
                Expect::Run(rule) => tally.verdict = Some(self.run(rule)),
                _ => {}
            }
        }
        Ok(checks.checks.iter().zip(tallies).map(|(check, tally)| tally.outcome(check)).collect())
    }

    /// All checks over patterns: each database is walked once.
    fn patterns(&mut self, server: &mut Server, checks: &Checks, tallies: &mut [Tally]) -> Result<(), ServerError> {
        let rows: Vec<Row<'_>> = checks.checks.iter().enumerate().filter_map(row).collect();
        let databases: BTreeSet<u32> = rows.iter().map(|row| row.db).collect();
        let mut total = 0;
        for db in &databases {
            total += server.dbsize(*db)?;
        }
        let mut done = 0;
        for db in databases {
            let of_db: Vec<&Row<'_>> = rows.iter().filter(|row| row.db == db).collect();
            let mut cursor = 0;
            loop {
                if (self.interrupted)() {
                    return Err(ServerError::Interrupted);
                }
                let began = Instant::now();
                let most = self.pace.batch(PAGE).try_into().unwrap_or(u32::MAX);
                let mut page = server.scan(db, cursor, most)?;
                // a table that is being resized gives a key twice, mostly within one page
                page.keys.sort_unstable();
                page.keys.dedup();
                for row in &of_db {
                    if let Some(tally) = tallies.get_mut(row.place) {
                        self.page(server, row, &page.keys, tally)?;
                    }
                }
                done += page.keys.len() as u64;
                (self.progress)(done, total.max(done));
                self.pace.rest(server, page.keys.len() as u64, began.elapsed())?;
                cursor = page.cursor;
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// One check over the keys of one page.
    fn page(
        &mut self,
        server: &mut Server,
        row: &Row<'_>,
        keys: &[Vec<u8>],
        tally: &mut Tally,
    ) -> Result<(), ServerError> {
        let keys: Vec<Vec<u8>> = keys.iter().filter(|key| row.pattern.fits(key)).cloned().collect();
        if keys.is_empty() {
            return Ok(());
        }
        tally.examined += keys.len() as u64;
        let Some(place) = row.check.expect.over().and_then(|over| over.value) else {
            return types(server, row, &keys, tally);
        };
        let field = place.field.map(str::as_bytes);
        let wanted: Vec<Wanted<'_>> = keys.iter().map(|key| Wanted { key, field }).collect();
        let held = server.values(row.db, &wanted)?;
        let flaws = match &row.check.expect {
            Expect::Reference(rule) => {
                let (before, after) = rule.to.split_once("{}").unwrap_or((&rule.to, ""));
                references(server, rule.to_db.unwrap_or(rule.db), (before, after), &held)?
            }
            expect => held.iter().map(|held| flaw(expect, held, self.now)).collect(),
        };
        for ((key, held), flaw) in keys.iter().zip(&held).zip(flaws) {
            let missing = matches!(held, Held::Missing);
            let flaw = match (missing, place.optional, place.field) {
                (true, true, _) => None,
                // a string that is gone by now was never missing
                (true, false, None) => {
                    tally.examined -= 1;
                    None
                }
                (true, false, Some(field)) => Some(Flaw::new(format!("it has no field {field}"))),
                (false, ..) => flaw,
            };
            if let Some(flaw) = flaw {
                tally.offends(row.db, key, &flaw.why);
                self.tell(row, key, held);
            }
        }
        Ok(())
    }

    fn tell(&mut self, row: &Row<'_>, key: &[u8], held: &Held) {
        let value = match held {
            Held::Bytes(bytes) => Some(bytes.as_slice()),
            _ => None,
        };
        let repair = row.check.repair.as_ref();
        let new = match (held, repair) {
            // a field that is missing can be set; what is of another type or very long is nobody's default
            (Held::Bytes(_) | Held::Missing, Some(repair)) => {
                judge::repaired(&row.check.expect, repair, value.unwrap_or_default())
            }
            _ => None,
        };
        (self.offence)(&Offence { check: row.check, db: row.db, key, value, new });
    }

    /// The owner's program: 0 is yes.
    fn run(&self, rule: &RunRule) -> (bool, String) {
        let command = Command::new(rule.argv.iter().map(String::as_str), rule.timeout.duration());
        match self.look.ask(&command) {
            Ok(output) if output.ok() => (true, format!("{} says yes", command.shown())),
            Ok(output) => (false, format!("{}: {}", command.shown(), output.complaint())),
            Err(error) => (false, format!("{} could not be run: {error}", command.shown())),
        }
    }
}

/// What is wrong with what is there.
fn flaw(expect: &Expect, held: &Held, now: Timestamp) -> Option<Flaw> {
    match held {
        Held::Bytes(bytes) => judge::value(expect, bytes, now),
        other => not_read(other),
    }
}

/// What is wrong where no value was read.
fn not_read(held: &Held) -> Option<Flaw> {
    match held {
        Held::Missing | Held::Bytes(_) => None,
        Held::OtherType => Some(Flaw::new("it is of another type")),
        Held::Long(bytes) => Some(Flaw::new(format!("its value is {bytes} bytes long"))),
    }
}

/// A key that must exist.
fn key(server: &mut Server, rule: &KeyRule, tally: &mut Tally) -> Result<(), ServerError> {
    let name = rule.name.clone().into_bytes();
    let state = server.types_and_expiries(rule.db, std::slice::from_ref(&name))?;
    let is = state.into_iter().next().and_then(|state| state.kind);
    let shown = super::shown(&name);
    let (ok, words) = match (&is, rule.kind) {
        (None, _) => (false, format!("there is no key {shown} in db{}", rule.db)),
        (Some(is), Some(wanted)) if is != wanted.name() => {
            (false, format!("{shown} is a {is}, and must be a {}", wanted.name()))
        }
        (Some(is), _) => (true, format!("{shown} is a {is}")),
    };
    tally.examined = u64::from(is.is_some());
    if !ok {
        tally.offends(rule.db, &name, if is.is_some() { "it is of another type" } else { "there is no such key" });
    }
    tally.verdict = Some((ok, words));
    Ok(())
}

/// Are all keys of the type that they must be?
fn types(server: &mut Server, row: &Row<'_>, keys: &[Vec<u8>], tally: &mut Tally) -> Result<(), ServerError> {
    let Expect::Keys(rule) = &row.check.expect else { return Ok(()) };
    let Some(wanted) = rule.kind else { return Ok(()) };
    for (key, state) in keys.iter().zip(server.types_and_expiries(row.db, keys)?) {
        match state.kind {
            // gone since the SCAN
            None => tally.examined -= 1,
            Some(is) if is != wanted.name() => tally.offends(row.db, key, &format!("it is a {is}")),
            Some(_) => {}
        }
    }
    Ok(())
}

/// For each value, whether the key that it names exists; `around` is what stands before and after the value.
fn references(
    server: &mut Server,
    db: u32,
    around: (&str, &str),
    held: &[Held],
) -> Result<Vec<Option<Flaw>>, ServerError> {
    let target = |value: &[u8]| [around.0.as_bytes(), value, around.1.as_bytes()].concat();
    let targets: Vec<Vec<u8>> =
        held.iter().map(|held| if let Held::Bytes(value) = held { target(value) } else { Vec::new() }).collect();
    let exist = server.exist(db, &targets)?;
    let each = held.iter().zip(targets).zip(exist).map(|((held, target), exists)| match held {
        Held::Bytes(_) => (!exists).then(|| Flaw::new(format!("there is no key {}", super::shown(&target)))),
        other => not_read(other),
    });
    Ok(each.collect())
}
