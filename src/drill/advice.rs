//! What the evidence suggests to mend: of the state of an instance, of its runs, and of drills. Pure.
//!
//! Each suggestion has what is wanted, what is seen, what that costs, and the command or the setting that mends it.
use super::due::due;
use super::scenario::Scenario;
use crate::facts::{Assessment, Bytes, PointKind, Seconds, Time, Validity};
use crate::finding::{Finding, Id, Scope};
use crate::report::{DrillVerdict, RunDocument, RunOutcome, Scorecard, Suggestion};
use std::collections::BTreeMap;

/// A step that takes less than this is not worth a word, seconds.
const LONG: f64 = 5.0;
/// So often it must have been seen.
const OFTEN: usize = 3;

fn suggestion(
    about: &str,
    target: impl Into<String>,
    actual: impl Into<String>,
    because: impl Into<String>,
    mend: impl Into<String>,
) -> Suggestion {
    Suggestion {
        about: about.into(),
        target: target.into(),
        actual: actual.into(),
        because: because.into(),
        mend: mend.into(),
    }
}

/// Of an instance as it is now.
#[must_use]
pub fn of_instance(a: &Assessment, stores: &[String]) -> Vec<Suggestion> {
    let mut out = Vec::new();
    out.extend(backups(a, stores));
    out.extend(rewrite_room(a));
    out.extend(load_time(a));
    out.extend(a.findings.iter().filter_map(|finding| next_failure(a, finding)));
    out
}

/// Is there a backup younger than the RPO?
fn backups(a: &Assessment, stores: &[String]) -> Option<Suggestion> {
    let rpo = a.facts.instance.rpo;
    let usable =
        |p: &&crate::facts::Point| p.kind == PointKind::Backup && p.valid != Validity::Damaged && p.keys != Some(0);
    let newest = a.points.iter().filter(usable).filter_map(|p| p.as_of).max();
    let target = rpo.map_or("a backup".to_string(), |rpo| format!("a backup younger than {rpo} (objectives.rpo)"));
    let actual = match newest.map(|at| a.taken_at.since(at)) {
        Some(age) if rpo.is_none_or(|rpo| age <= rpo) => return None,
        Some(age) => format!("the newest that holds keys is {age} old"),
        None if stores.is_empty() => "no store is configured".into(),
        None => format!("none that holds keys in {}", stores.join(", ")),
    };
    let because = "when AOF and snapshot are lost, everything since the last backup is lost with them";
    let mend = if stores.is_empty() {
        format!(
            "in redis-dr.yaml: stores: {{ nightly: {{ dir: /backup/{0} }} }}, and under {0}: stores: [nightly]",
            a.instance
        )
    } else {
        let every = rpo.map_or("every hour".to_string(), |rpo| format!("every {}", Seconds(rpo.0 / 2.0)));
        format!(
            "redis-cli {} --rdb DIR/dump-$(date +%Y%m%dT%H%M%S).rdb, from cron {every}, into the store's directory",
            cli(a)
        )
    };
    Some(suggestion(&a.instance, target, actual, because, mend))
}

/// The options that lead redis-cli there.
fn cli(a: &Assessment) -> String {
    let address = &a.facts.instance.address;
    match address.strip_prefix("unix:") {
        Some(path) => format!("-s {path}"),
        None => match address.rsplit_once(':') {
            Some((host, port)) => format!("-h {} -p {port}", host.trim_matches(['[', ']'])),
            None => String::new(),
        },
    }
}

/// A rewrite writes the whole data beside what is there.
fn rewrite_room(a: &Assessment) -> Option<Suggestion> {
    let f = &a.facts;
    if f.config.appendonly != Some(true) {
        return None;
    }
    let (free, aof) = (f.disk.free?, f.persistence.aof_current_size.or(f.files.aof.bytes)?);
    let wanted = Bytes(aof.0.saturating_add(aof.0 / 2));
    (free < wanted).then(|| {
        suggestion(
            &a.instance,
            format!("{wanted} free where the AOF lies, once and a half its size"),
            format!("{free} free, the AOF has {aof}"),
            "a rewrite writes a whole AOF beside this one; one that finds no room leaves the AOF growing until the disk is full",
            "redis-dr runs prune --older-than 7d --yes frees old safety copies; else a larger disk",
        )
    })
}

/// Would what a start loads be loaded within the RTO?
fn load_time(a: &Assessment) -> Option<Suggestion> {
    let rto = a.facts.instance.rto?;
    let best = a.points.iter().find(|p| p.usable())?;
    let needs = best.recover_seconds.filter(|needs| *needs > rto)?;
    Some(suggestion(
        &a.instance,
        format!("back within {rto} (objectives.rto)"),
        format!("the best point, {}, needs about {needs}", best.id),
        "the estimate is the size of the data against what this disk and server were measured to load",
        format!(
            "redis-dr points {} --prefer fast shows what is back sooner; a faster disk shortens the load, and objectives.rto \
             should say what can be had",
            a.instance
        ),
    ))
}

/// What only the next failure would hurt by: each such finding with its remedy.
fn next_failure(a: &Assessment, finding: &Finding) -> Option<Suggestion> {
    let more = [Id::FilesNoTimeTravel, Id::ConfigWeakFsync, Id::VaultLarge, Id::FilesTempLeft];
    // told with its age and the RPO already
    if matches!(finding.id, Id::BackupNone | Id::BackupStale)
        || (finding.scope == Scope::Now && !more.contains(&finding.id))
    {
        return None;
    }
    let (target, mend) = match finding.id {
        Id::FilesNoTimeTravel => (
            "an AOF with timestamps, so that a moment can be found in it",
            format!("redis-cli {} CONFIG SET aof-timestamp-enabled yes, and the same line in redis.conf", cli(a)),
        ),
        Id::MemoryOvercommit => {
            let (target, mend) = remedy_of_host(finding.id);
            (target, mend.to_string())
        }
        Id::ConfigNoPersistence => {
            ("AOF or save points", format!("redis-dr recover {} --runbook enable-aof", a.instance))
        }
        Id::ConfigWeakFsync => (
            "writes reach the disk within a second",
            format!("redis-cli {} CONFIG SET appendfsync everysec, and the same line in redis.conf", cli(a)),
        ),
        _ => ("no such finding", finding.hint.clone()),
    };
    let actual = format!("{}: {}", finding.id.name(), finding.title);
    Some(suggestion(&a.instance, target, actual, finding.id.meaning(), mend))
}

/// Of runs on instances: one that is open, runbooks that fail again and again.
#[must_use]
pub fn of_runs(runs: &[RunDocument]) -> Vec<Suggestion> {
    let mut out = Vec::new();
    for run in runs.iter().filter(|r| matches!(r.outcome, RunOutcome::Unfinished | RunOutcome::Stuck)) {
        let id = run.run_id.clone().unwrap_or_default();
        let because = "its fence or its hold may still be there, and the next recovery has to deal with it first";
        let actual = format!("{id} is {}", run.outcome.word());
        out.push(suggestion(
            &run.instance,
            "every run is finished",
            actual,
            because,
            format!("redis-dr runs resume {id}"),
        ));
    }
    let mut failed: BTreeMap<(&str, &str), Vec<&RunDocument>> = BTreeMap::new();
    for run in runs.iter().filter(|r| r.outcome == RunOutcome::Failed) {
        failed.entry((&run.instance, run.runbook.as_deref().unwrap_or_default())).or_default().push(run);
    }
    for ((instance, runbook), runs) in failed.iter().filter(|(_, runs)| runs.len() > 1) {
        let actual = format!("{runbook} failed {} times; the last time: {}", runs.len(), runs[0].because);
        let mend = format!("redis-dr runs report {}", runs[0].run_id.as_deref().unwrap_or("last"));
        out.push(suggestion(instance, "a runbook succeeds", actual, "the cause is still there", mend));
    }
    let steps = |r: &RunDocument| r.steps.iter().filter_map(|s| Some((s.id.clone(), s.seconds?.0))).collect();
    out.extend(waiting(runs.iter().map(|r| (r.runbook.clone().unwrap_or_default(), steps(r)))));
    out
}

/// Of drills: what the newest of each scenario missed, steps that always wait or are tried again, and what is due.
#[must_use]
pub fn of_drills(scenarios: &[Scenario], cards: &BTreeMap<String, Vec<Scorecard>>, now: Time) -> Vec<Suggestion> {
    let mut out = Vec::new();
    for newest in cards.values().filter_map(|all| all.last()) {
        let about = format!("drill {}", newest.scenario);
        for missed in newest.criteria.iter().filter(|c| !c.met && newest.verdict == DrillVerdict::Failed) {
            let mend = missed.improve.clone().unwrap_or_default().replace("SCENARIO", &newest.scenario);
            out.push(suggestion(
                &about,
                &missed.target,
                &missed.actual,
                format!("missed on {}", newest.started_at),
                mend,
            ));
        }
        for again in &newest.retried {
            let runbook = newest.runbook.as_deref().unwrap_or_default();
            let actual = format!("{} of {runbook} was tried {} times", again.step, again.tries);
            let because = "what needs luck in a drill needs more of it at night";
            let mend = format!("redis-dr drill run {} --keep -v", newest.scenario);
            out.push(suggestion(&about, "every step succeeds the first time", actual, because, mend));
        }
    }
    out.extend(of_host(cards));
    out.extend(cards.values().filter_map(|all| slower(all)));
    let steps = |c: &Scorecard| c.steps.iter().filter_map(|s| Some((s.id.clone(), s.seconds?.0))).collect();
    let all = cards.values().flatten();
    out.extend(waiting(all.map(|c| (c.runbook.clone().unwrap_or_default(), steps(c)))));
    let is_due = |s: &&Scenario| due(s.cadence, cards.get(&s.drill).map_or(&[], Vec::as_slice), now).now;
    let names: Vec<&str> = scenarios.iter().filter(is_due).map(|s| s.drill.as_str()).collect();
    if !names.is_empty() {
        let actual = format!("{} are due: {}", names.len(), names.join(", "));
        let because = "what was not rehearsed lately is not known to work";
        out.push(suggestion(
            "drills",
            "every scenario is rehearsed in its time",
            actual,
            because,
            "redis-dr drill run --due",
        ));
    }
    out
}

/// What the newest drill found about this host, and not about its sandbox.
fn of_host(cards: &BTreeMap<String, Vec<Scorecard>>) -> Vec<Suggestion> {
    let newest = cards.values().filter_map(|all| all.last()).max_by_key(|card| card.started_at);
    let found = |id: Id| newest.is_some_and(|card| card.findings.iter().any(|f| f == id.name()));
    let ids = [Id::MemoryOvercommit, Id::MemoryForkRisk, Id::MemoryLow, Id::HostClockWrong];
    ids.into_iter()
        .filter(|id| found(*id))
        .map(|id| suggestion("this host", remedy_of_host(id).0, id.name(), id.meaning(), remedy_of_host(id).1))
        .collect()
}

fn remedy_of_host(id: Id) -> (&'static str, &'static str) {
    match id {
        Id::MemoryOvercommit => (
            "vm.overcommit_memory = 1",
            "sysctl -w vm.overcommit_memory=1, and the same line in /etc/sysctl.d/redis.conf",
        ),
        _ => ("no such finding", id.hint()),
    }
}

/// Back more slowly than it used to be: twice the middle of the earlier ones, and more than a second.
fn slower(cards: &[Scorecard]) -> Option<Suggestion> {
    let (newest, earlier) = cards.split_last()?;
    let mut times: Vec<f64> = earlier.iter().filter_map(|c| c.times.serve_seconds).map(|s| s.0).collect();
    if times.len() < OFTEN {
        return None;
    }
    times.sort_by(f64::total_cmp);
    let usual = times[times.len() / 2];
    let now = newest.times.serve_seconds?.0;
    (now > usual * 2.0 && now > usual + 1.0).then(|| {
        suggestion(
            &format!("drill {}", newest.scenario),
            format!("back in {}, as usual", Seconds(usual)),
            format!("back in {}", Seconds(now)),
            "a disk or a host that became slower costs the same at night",
            format!("redis-dr drill run {} -v; look at the disk: iostat -x 1", newest.scenario),
        )
    })
}

/// Steps that take most of the time, whenever they are carried out.
fn waiting(runs: impl Iterator<Item = (String, Vec<(String, f64)>)>) -> Vec<Suggestion> {
    let mut seen: BTreeMap<(String, String), Vec<(f64, f64)>> = BTreeMap::new();
    for (runbook, steps) in runs {
        let total: f64 = steps.iter().map(|(_, seconds)| seconds).sum();
        for (step, seconds) in steps {
            seen.entry((runbook.clone(), step)).or_default().push((seconds, total));
        }
    }
    let always = |times: &Vec<(f64, f64)>| {
        times.len() >= OFTEN && times.iter().all(|(seconds, total)| *seconds >= LONG && *seconds * 2.0 >= *total)
    };
    seen.into_iter()
        .filter(|(_, times)| always(times))
        .map(|((runbook, step), times)| {
            let least = times.iter().map(|(seconds, _)| *seconds).fold(f64::INFINITY, f64::min);
            suggestion(
                &format!("runbook {runbook}"),
                "no step waits for most of the time",
                format!("{step} took {} or more, each of {} times", Seconds(least), times.len()),
                "what is always waited for can be started earlier, or be asked for with a shorter patience",
                format!("redis-dr runbook show {runbook} > {runbook}.yaml, change it, and put it under `runbooks:`"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn runs(step: f64, other: f64, count: usize) -> Vec<(String, Vec<(String, f64)>)> {
        vec![("r".to_string(), vec![("long".to_string(), step), ("short".to_string(), other)]); count]
    }

    #[test]
    fn a_step_that_always_waits_is_told_and_one_that_did_once_is_not() {
        let told = waiting(runs(12.0, 1.0, 3).into_iter());
        assert_eq!(told.len(), 1);
        assert!(told[0].actual.starts_with("long took 12 s or more, each of 3 times"), "{told:?}");
        assert!(waiting(runs(12.0, 1.0, 2).into_iter()).is_empty(), "too seldom");
        assert!(waiting(runs(12.0, 20.0, 3).into_iter()).iter().all(|s| !s.actual.contains("long")), "not most of it");
        let mixed = runs(12.0, 1.0, 3).into_iter().chain(runs(0.5, 0.1, 1));
        assert!(waiting(mixed).is_empty(), "not always");
    }
}
