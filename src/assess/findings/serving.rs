//! Is it served: process, port, server, configuration.
use super::{log_lines, next, yes};
use crate::assess::seen::Seen;
use crate::facts::{ConfigState, Facts, ProcessState, ServerRole, Topology};
use crate::finding::{Finding, Id, Scope, Severity};

pub(super) fn derive(facts: &Facts, seen: &Seen, found: &mut Vec<Finding>) {
    process(facts, seen, found);
    server(facts, seen, found);
    config(facts, seen, found);
}

fn process(facts: &Facts, seen: &Seen, found: &mut Vec<Finding>) {
    let (process, server) = (&facts.process, &facts.server);
    if yes(facts.port.held_by_other) {
        let holder = facts.port.holder.clone().unwrap_or_else(|| "a program that could not be named".into());
        let mut evidence = vec![format!("{} listens on {}", holder, facts.instance.address)];
        evidence.extend(seen.notes.clone());
        found.push(Id::ServerPortTaken.found(format!("{} is held by {holder}", facts.instance.address), evidence));
    }
    match process.state {
        Some(ProcessState::Down) => {
            let since = process.down_since.map_or(String::new(), |t| match process.down_exactly {
                Some(true) => format!(" since {t}"),
                _ => format!("; last seen alive {t}"),
            });
            let mut evidence: Vec<String> = facts.log.fatal.iter().map(|l| format!("log: {}", l.line)).collect();
            if evidence.is_empty() && facts.log.path.is_none() {
                evidence.push("its log could not be read".into());
            }
            found.push(Id::ServerNotRunning.found(format!("the server is not running{since}"), evidence));
            if yes(process.stopped_on_purpose) {
                found.push(Id::ServerStoppedOnPurpose.found(
                    "somebody stopped the server",
                    vec!["its log ends with a shutdown that was asked for, or its unit was stopped".into()],
                ));
            }
        }
        Some(ProcessState::Stopped) => found.push(Id::ServerHung.found(
            "the process is stopped by a signal",
            vec![format!("pid {} is in state T", process.pid.unwrap_or_default())],
        )),
        Some(ProcessState::Blocked) if server.answers != Some(true) => {
            let pid = process.pid.unwrap_or_default();
            let title = "the process waits for a device and can't be stopped";
            let mut finding = Id::ServerHung.found(title, vec![format!("pid {pid} is in state D")]);
            finding.hint = format!(
                "no signal reaches it: see what it waits for (cat /proc/{pid}/stack, dmesg), and mend the disk or mount"
            );
            found.push(finding);
        }
        Some(ProcessState::Running | ProcessState::Blocked) if silent(facts) => found.push(Id::ServerHung.found(
            "the process is there and does not answer",
            server.error.clone().into_iter().chain([format!("pid {}", process.pid.unwrap_or_default())]).collect(),
        )),
        None if server.answers == Some(false) && !yes(facts.port.held_by_other) && !waits(facts) => {
            found.push(Id::ServerNotRunning.found("nothing answers", server.error.clone().into_iter().collect()));
        }
        _ => {}
    }
    if yes(process.restart_loop) {
        found.push(
            Id::ServerRestartLoop.found("it is started again and again", seen.restarts.clone().into_iter().collect()),
        );
    }
    if let Some(after) = seen.start_timeout {
        let unit = facts.instance.service_name.clone().unwrap_or_default();
        found.push(Id::ServerStartTimeout.found(
            "it is stopped before it has finished loading",
            vec![format!("{unit}: TimeoutStartSec is {} s, and the load takes longer", after.as_secs_f64())],
        ));
    }
    if yes(process.oom_killed) {
        let lines = seen.killed.iter().map(|line| format!("kernel: {line}"));
        let evidence = lines.chain(log_lines(facts, Id::ServerOomKilled)).collect();
        found.push(Id::ServerOomKilled.found("memory ran out and it was killed, or gave up", evidence));
    }
}

/// It answers something, though not what was asked for.
fn waits(facts: &Facts) -> bool {
    yes(facts.server.loading) || yes(facts.server.busy) || yes(facts.server.auth_failed)
}

fn silent(facts: &Facts) -> bool {
    facts.server.answers == Some(false) && !waits(facts) && !yes(facts.port.held_by_other)
}

fn server(facts: &Facts, seen: &Seen, found: &mut Vec<Finding>) {
    let server = &facts.server;
    let error: Vec<String> = server.error.clone().into_iter().collect();
    if yes(server.loading) {
        let percent = server.loading_percent.map(|p| format!(", {p:.0} % done")).unwrap_or_default();
        found.push(Id::ServerLoading.found(format!("the server is loading its data{percent}"), vec![]));
    }
    if yes(server.busy) {
        found.push(Id::ServerBusyScript.found("a script blocks the server", error.clone()));
    }
    if yes(server.auth_failed) {
        found.push(Id::ServerAuthFailed.found("the server refuses our credentials", error.clone()));
    }
    if yes(server.misconf) {
        misconf(facts, error, found);
    }
    if server.role == Some(ServerRole::Slave) && facts.instance.topology != Topology::Replicated {
        found.push(
            Id::ServerReadOnly.found("the server is a replica and refuses writes", facts.replication.because.clone()),
        );
    }
    if yes(server.fenced) || yes(facts.config.fenced) {
        let at = if yes(server.fenced) { "the running server" } else { "the configuration file" };
        let mut finding = Id::ServerFenced.found("a fence of an earlier run is in force", vec![format!("in {at}")]);
        if facts.run.unfinished == Some(false) {
            finding.hint = LIFT.into();
        }
        found.push(finding);
    }
    if let Some(mark) = &seen.held {
        found.push(Id::ServerHeld.found("the instance is held", vec![format!("{mark} is there")]));
    }
    if yes(server.data_empty) {
        found.push(Id::ServerDataEmpty.found(
            "the server holds no key although data exists",
            vec![format!("the server answers with {} keys", server.keys.unwrap_or(0))],
        ));
    }
    at_risk(facts, seen, found);
    if !server.config_drift.is_empty() {
        found.push(Id::ServerConfigDrift.found(
            format!("{} settings differ from what a start would set", server.config_drift.len()),
            server.config_drift.clone(),
        ));
    }
    if !seen.break_in.is_empty() {
        found.push(Id::ServerCompromised.found("there are signs of a break-in", seen.break_in.clone()));
    }
    if let (Some(used), Some(max)) = (seen.used_memory, seen.max_memory)
        && used >= max
    {
        let title = "maxmemory is reached and nothing is evicted";
        found.push(Id::MemoryMaxmemory.found(title, vec![format!("{used} of {max} bytes")]));
    }
}

/// How a fence is lifted that no run of this state directory will lift.
const LIFT: &str = "no unfinished run is in this state directory: look in the one that it was run with (--state-dir), or \
                    lift it by hand: CONFIG SET min-replicas-to-write 0, and the same in the configuration file";

/// An empty primary wipes the replicas that follow it; those that it had before its start may hold what it lost.
fn at_risk(facts: &Facts, seen: &Seen, found: &mut Vec<Finding>) {
    let server = &facts.server;
    let connected = server.replicas.filter(|n| *n > 0 && yes(server.data_empty));
    let had = seen.replicated_before && facts.instance.topology != Topology::Standalone;
    if server.answers != Some(true) || server.role != Some(ServerRole::Master) || server.keys != Some(0) {
        return;
    }
    if connected.is_some() || had {
        let count = connected.map(|n| format!("{n} replicas are connected")).into_iter();
        found.push(Id::ReplicationReplicasAtRisk.found(
            "this primary came up empty; replicas that copy it lose what they hold",
            count.chain(facts.replication.because.clone()).collect(),
        ));
    }
}

/// MISCONF with its cause, as the log of this run tells it; the causes that a probe sees are findings already.
fn misconf(facts: &Facts, error: Vec<String>, found: &mut Vec<Finding>) {
    let what = match facts.persistence.aof_last_write_ok {
        Some(false) => "its AOF can't be written",
        _ => "its last save failed",
    };
    let causes = [Id::DiskFull, Id::DiskReadOnly, Id::DiskIoError, Id::FilesPermission, Id::MemoryForkRisk];
    let told: Vec<String> = causes.iter().flat_map(|id| log_lines(facts, *id)).collect();
    for (id, title) in [
        (Id::FilesPermission, "the server's user may not write its files, as its log says"),
        (Id::MemoryForkRisk, "a save fails for want of memory"),
    ] {
        let lines = log_lines(facts, id);
        if !lines.is_empty() && !found.iter().any(|f| f.id == id) {
            let finding = id.found(title, lines).severity(Severity::Major);
            found.push(Finding { scope: Scope::Now, ..finding });
        }
    }
    let other = facts.log.fatal.iter().filter(|line| line.finding.is_none()).map(|line| format!("log: {}", line.line));
    let evidence = error.into_iter().chain(told).chain(other).collect();
    found.push(Id::ServerMisconf.found(format!("the server refuses writes because {what}"), evidence));
}

fn elsewhere(configured: &str, dir: &str) -> Finding {
    let title = "the configured directory is not the one that holds the data";
    Id::ConfigDirMismatch.found(title, vec![format!("configured: {configured}"), format!("data is in: {dir}")])
}

fn removed(configured: &str) -> Finding {
    let title = "the directory of its data was removed while it runs";
    let mut finding = Id::ConfigDirMismatch.found(title, vec![format!("configured: {configured}")]);
    finding.hint = format!(
        "don't stop it: only its memory holds the data. Save it elsewhere (redis-cli CONFIG SET repl-diskless-sync yes; \
         redis-cli --rdb /elsewhere/dump.rdb), make {configured} anew with its owner and mode, then \
         redis-dr recover --point-file /elsewhere/dump.rdb"
    );
    finding
}

/// Where a configuration was looked for.
const NO_FILE: &str = "neither a process nor a unit of this host, nor a config of redis-dr, names its file";

/// Settings which, fixed by the start command, decide what is loaded or kept.
const DECIDING: &[&str] =
    &["dir", "dbfilename", "appendonly", "appendfilename", "appenddirname", "save", "maxmemory", "replicaof"];

fn config(facts: &Facts, seen: &Seen, found: &mut Vec<Finding>) {
    let config = &facts.config;
    let up = facts.server.answers == Some(true);
    let weigh = |finding: Finding| {
        if up { next(finding.severity(Severity::Minor)) } else { finding }
    };
    match config.state {
        Some(ConfigState::Missing) if config.file.is_none() => {
            let mut finding = Id::ConfigMissing.found("its configuration is not known", vec![NO_FILE.into()]);
            finding.hint = "give redis-dr's own config with -c, or name config_file in it".into();
            found.push(weigh(finding));
        }
        Some(ConfigState::Missing) => found.push(weigh(Id::ConfigMissing.found(
            "the configuration file is not there",
            config.file.clone().into_iter().chain(config.error.clone()).collect(),
        ))),
        Some(ConfigState::Invalid) => {
            let evidence = config.error.clone().into_iter().chain(log_lines(facts, Id::ServerConfigInvalid)).collect();
            let finding = Id::ServerConfigInvalid.found("the server would refuse its configuration", evidence);
            found.push(if up { next(finding.severity(Severity::Major)) } else { finding });
        }
        _ => {}
    }
    if config.appendonly == Some(false) && config.save_points == Some(false) {
        found.push(Id::ConfigNoPersistence.found("neither AOF nor save points are on", vec![]));
    }
    if config.appendonly == Some(true) && seen.appendfsync.as_deref() == Some("no") {
        found.push(Id::ConfigWeakFsync.found("appendfsync is no", vec![]));
    }
    let fixed: Vec<String> =
        config.overridden.iter().filter(|name| DECIDING.contains(&name.as_str())).cloned().collect();
    if !fixed.is_empty() {
        found.push(Id::ConfigOverridden.found(format!("the start command fixes {}", fixed.join(", ")), fixed));
    }
    if !seen.sharing.is_empty() {
        found.push(Id::ConfigSharedDataDir.found("another server uses the same data directory", seen.sharing.clone()));
    }
    if let Some(dir) = &seen.other_dir {
        let configured = config.data_dir.clone().unwrap_or_default();
        found.push(if seen.dir_gone { removed(&configured) } else { elsewhere(&configured, dir) });
    }
}
