//! Is what is stored whole, and would a start load all of it: files, trap, backups.
use super::{log_lines, next, yes};
use crate::assess::seen::Seen;
use crate::facts::{AofState, Facts, FileState, Loadable, Point, PointKind, ProcessState, Role, Validity, WouldLoad};
use crate::finding::{Finding, Id, Severity};
use crate::points::known_empty;

pub(super) fn derive(facts: &Facts, points: &[Point], seen: &Seen, found: &mut Vec<Finding>) {
    names(facts, points, seen, found);
    rdb(facts, points, found);
    aof(facts, seen, found);
    around(facts, seen, found);
    backups(facts, points, seen, found);
}

fn down(facts: &Facts) -> bool {
    facts.process.state == Some(ProcessState::Down)
}

/// Is there data that a start now would not load?
fn data_elsewhere(facts: &Facts, points: &[Point]) -> bool {
    let snapshot = facts.files.rdb.bytes.is_some_and(|b| b.0 > 0) && facts.files.rdb.keys != Some(0);
    snapshot || points.iter().any(|p| !known_empty(p) && p.valid != Validity::Damaged)
}

fn names(facts: &Facts, points: &[Point], seen: &Seen, found: &mut Vec<Finding>) {
    let because: Vec<String> = facts.config.start_because.clone().into_iter().collect();
    let parts = facts.files.aof.state == Some(AofState::ManifestMissing);
    if yes(facts.config.trap) && !parts && data_elsewhere(facts, points) {
        found.push(Id::ConfigAofTrap.found("a start now would come up empty although data exists", because.clone()));
    }
    if let Some(because) = &seen.began_empty {
        let title = "the AOF began with an empty start: it lacks what was stored before";
        let mut finding = Id::ConfigAofTrap.found(title, vec![because.clone()]);
        finding.hint =
            "decide what to keep: redis-dr points shows both, redis-dr recover --point ID restores one".into();
        found.push(finding);
    }
    if parts {
        let path = facts.files.aof.path.clone().unwrap_or_default();
        let finding =
            Id::FilesManifestMissing.found(format!("parts are in {path}, their manifest is not"), because.clone());
        if facts.config.appendonly == Some(true) {
            found.push(finding);
            found.push(Id::FilesPartsWithoutManifest.found("AOF parts are there that no manifest lists", because));
        } else {
            found.push(finding.severity(Severity::Minor));
        }
    }
    if facts.config.start_loads != Some(WouldLoad::Nothing) {
        return;
    }
    if facts.config.appendonly == Some(true) && !seen.other_aof.is_empty() {
        found.push(Id::ConfigAofNameMismatch.found(
            format!(
                "no AOF named {} is there, but another is",
                facts.config.appendfilename.clone().unwrap_or_default()
            ),
            seen.other_aof.clone(),
        ));
    }
    if facts.config.appendonly == Some(false)
        && facts.files.rdb.state == Some(FileState::Missing)
        && !seen.other_rdb.is_empty()
    {
        let finding = Id::ConfigRdbNameMismatch.found(
            format!("{} is not there, but another snapshot is", facts.config.dbfilename.clone().unwrap_or_default()),
            seen.other_rdb.clone(),
        );
        // A server that runs and has not saved yet has no snapshot of its own.
        found.push(if down(facts) { finding } else { next(finding.severity(Severity::Minor)) });
    }
}

fn rdb(facts: &Facts, points: &[Point], found: &mut Vec<Finding>) {
    let rdb = &facts.files.rdb;
    let path = rdb.path.clone().unwrap_or_default();
    let loaded = facts.config.appendonly == Some(false);
    let weigh = |f: Finding| {
        if loaded { f } else { f.severity(Severity::Minor) }
    };
    let mut evidence: Vec<String> = rdb.because.clone().into_iter().collect();
    match rdb.state {
        Some(FileState::Missing) if loaded && down(facts) => {
            let severity = if data_elsewhere(facts, points) { Severity::Critical } else { Severity::Major };
            found.push(Id::FilesRdbMissing.found(format!("{path} is not there"), evidence).severity(severity));
        }
        Some(FileState::Damaged | FileState::Empty) => {
            evidence.extend(log_lines(facts, Id::FilesRdbCorrupt));
            found.push(weigh(Id::FilesRdbCorrupt.found(format!("{path} is damaged"), evidence)));
        }
        Some(FileState::Intact) if rdb.keys == Some(0) && loaded && (down(facts) || yes(facts.server.data_empty)) => {
            found.push(Id::FilesRdbEmpty.found(format!("{path} holds no key"), evidence));
        }
        _ => {}
    }
}

fn aof(facts: &Facts, seen: &Seen, found: &mut Vec<Finding>) {
    let aof = &facts.files.aof;
    let loaded = facts.config.appendonly == Some(true);
    let path = aof.path.clone().unwrap_or_default();
    let mut evidence: Vec<String> = aof.because.clone().into_iter().collect();
    if !facts.files.held_open.is_empty() && loaded && facts.server.answers == Some(true) {
        let title = "the server writes its AOF to a file that was deleted";
        let mut finding = Id::FilesAofMissing.found(title, facts.files.held_open.clone()).severity(Severity::Critical);
        finding.hint =
            "don't stop it: only its memory and the deleted file hold what it writes; BGREWRITEAOF writes a \
                        complete AOF from its memory, then look again: redis-dr assess"
                .into();
        found.push(finding);
        return flush(facts, seen, found);
    }
    let id = match aof.state {
        Some(AofState::Missing) if loaded => Id::FilesAofMissing,
        Some(AofState::Truncated | AofState::TornTransaction) => Id::FilesAofTruncated,
        Some(AofState::ZeroPadded | AofState::Corrupt | AofState::NonLastTruncated | AofState::BaseDamaged) => {
            Id::FilesAofCorrupt
        }
        Some(AofState::FileMissing | AofState::ManifestBroken) => Id::FilesManifestBroken,
        _ => return flush(facts, seen, found),
    };
    evidence.extend(log_lines(facts, id));
    let title = match id {
        Id::FilesAofMissing => format!("AOF is on and {path} is not there"),
        Id::FilesAofTruncated => "the AOF ends in the middle of a command or transaction".into(),
        Id::FilesAofCorrupt => "the AOF is damaged; the server will not load it".into(),
        _ => "the AOF's manifest does not fit its files".into(),
    };
    let finding = id.found(title, evidence);
    found.push(if loaded { finding } else { finding.severity(Severity::Minor) });
    flush(facts, seen, found);
}

fn flush(facts: &Facts, seen: &Seen, found: &mut Vec<Finding>) {
    if yes(facts.files.aof.flush_near_end) {
        found.push(Id::FilesFlushFound.found("the AOF holds a command that removes all keys", seen.flushes.clone()));
    }
}

fn around(facts: &Facts, seen: &Seen, found: &mut Vec<Finding>) {
    if facts.files.permission_ok == Some(false) {
        let evidence = facts.files.permission_because.clone().into_iter().collect();
        found.push(Id::FilesPermission.found("the server's user may not use its files", evidence));
    }
    // servers before 7.0 know no timestamps at all
    let untimed = facts.config.multi_part == Some(false) || seen.timestamps == Some(false);
    if facts.config.appendonly == Some(true) && untimed && !seen.tagged {
        let mut finding = Id::FilesNoTimeTravel.found("the AOF carries neither timestamps nor tags", vec![]);
        if facts.config.multi_part == Some(false) {
            finding.hint =
                "redis-dr aof tag, every minute (packaging/ has a timer): this server writes no timestamps".into();
        }
        found.push(finding);
    }
    if !facts.files.temporaries.is_empty() && !seen.child_running {
        found.push(Id::FilesTempLeft.found(
            format!("{} temporary files of saves or rewrites are left", facts.files.temporaries.len()),
            facts.files.temporaries.iter().take(5).cloned().collect(),
        ));
    }
    if let Some((id, because)) = &seen.load_refusal {
        let mut evidence = vec![because.clone()];
        evidence.extend(log_lines(facts, *id));
        found.push(id.found(id.meaning(), evidence));
    }
}

fn backups(facts: &Facts, points: &[Point], seen: &Seen, found: &mut Vec<Finding>) {
    let backups: Vec<&Point> = points.iter().filter(|p| p.kind == PointKind::Backup).collect();
    if facts.files.backups == 0 {
        let only = facts.config.appendonly == Some(false) && facts.config.save_points == Some(false);
        let why = if seen.stores_configured { "the stores hold no backup" } else { "no store is configured" };
        let mut evidence = vec![why.to_string()];
        evidence.extend(seen.store_errors.clone());
        let finding = Id::BackupNone.found("there is no backup", evidence);
        let serious = only && facts.instance.role == Role::Database;
        found.push(if serious { finding.severity(Severity::Major) } else { finding });
        return;
    }
    if let (Some(age), Some(rpo)) = (seen.newest_backup_age, facts.instance.rpo)
        && age > rpo.0
    {
        let age = crate::facts::Seconds(age);
        found.push(Id::BackupStale.found(format!("the newest backup is {age} old, allowed is {rpo}"), vec![]));
    }
    let bad: Vec<String> = backups
        .iter()
        .filter(|p| p.valid == Validity::Damaged || (p.valid == Validity::Intact && p.loadable == Loadable::No))
        .map(|p| format!("{}: {}", p.id, p.why))
        .collect();
    if !bad.is_empty() {
        found.push(Id::BackupCorrupt.found(format!("{} backups are damaged or can't be loaded here", bad.len()), bad));
    }
    let mut counted: Vec<&&Point> =
        backups.iter().filter(|p| p.valid == Validity::Intact && p.keys.is_some()).collect();
    counted.sort_by_key(|p| std::cmp::Reverse(p.as_of));
    if let [newest, before, ..] = counted.as_slice()
        && let (Some(new), Some(old)) = (newest.keys, before.keys)
        && new < old / 2
    {
        found.push(Id::BackupSuspiciousCount.found(
            "the newest backup holds far fewer keys than the one before it",
            vec![format!("{}: {new} keys", newest.id), format!("{}: {old} keys", before.id)],
        ));
    }
}
