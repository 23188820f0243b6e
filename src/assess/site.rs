//! From an assessment to the place where a plan acts.
use super::Target;
use super::assessor::Assessed;
use crate::action::{Estimate, Site};
use crate::facts::{Facts, Flavour, Point, Seconds, ServiceKind};
use crate::host::Look;
use crate::host::process::Limits;
use crate::points::{Rates, estimate};
use std::path::{Path, PathBuf};

/// Why no plan can be made for an instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{because}")]
pub struct Refusal {
    /// What is missing.
    pub because: String,
    /// What to do.
    pub hint: String,
}

fn refuse(because: impl Into<String>, hint: impl Into<String>) -> Refusal {
    Refusal { because: because.into(), hint: hint.into() }
}

/// Resolves every path and setting that a plan for this point needs.
///
/// # Errors
/// What is not known and must be, and how to make it known.
pub fn site(
    look: &Look,
    target: &Target,
    assessed: &Assessed,
    state_dir: &Path,
    point: Option<Point>,
    rates: &Rates,
) -> Result<Site, Refusal> {
    let facts = &assessed.document.facts;
    if !target.local {
        return Err(refuse("the instance is on another host", "run redis-dr there"));
    }
    let config = &facts.config;
    let Known { config_file, data_dir, version, multi_part } = known(look, facts)?;
    let aof_name = config.appendfilename.clone().unwrap_or_else(|| "appendonly.aof".into());
    let aof = if multi_part {
        data_dir.join(config.appenddirname.clone().unwrap_or_else(|| "appendonlydir".into()))
    } else {
        data_dir.join(&aof_name)
    };
    let (service, unit) = service(facts)?;
    let disk = &facts.disk;
    let avoid = disk.io_error == Some(true) || disk.read_only == Some(true) || disk.full == Some(true);
    let vault_dir = vault_dir(look, target, state_dir, &data_dir, avoid);
    let logfile = config.logfile.as_ref().map(|l| data_dir.join(l));
    let estimate = estimates(point.as_ref(), rates);
    Ok(Site {
        instance: target.name.clone(),
        address: target.endpoint.to_string(),
        rdb: data_dir.join(config.dbfilename.clone().unwrap_or_else(|| "dump.rdb".into())),
        aof,
        aof_name,
        multi_part,
        aof_on: config.appendonly.unwrap_or(false),
        flavour: facts.server.flavour.unwrap_or(Flavour::Redis),
        version,
        binary: facts.process.binary.clone().map(PathBuf::from),
        service,
        unit,
        commands: target.commands.clone(),
        run_as: run_as(look, target, facts, &data_dir),
        overridden: config.overridden.clone(),
        start_args: start_args(facts, &config_file),
        working_dir: assessed
            .seen
            .started_in
            .clone()
            .or_else(|| config_file.parent().map(Path::to_path_buf))
            .filter(|_| service != ServiceKind::Systemd),
        limits: limits(look, facts, service),
        config_file,
        data_dir,
        vault_dir,
        logfile,
        can_fence: can_fence(assessed),
        probe: target.probe,
        data_checks: target.data_checks.clone(),
        was_answering: facts.server.answers == Some(true),
        stray: facts.port.stray == Some(true),
        leftovers: facts.files.leftovers.clone(),
        memory_worthless: facts.server.answers == Some(true) && facts.server.data_empty == Some(true),
        rights: facts.files.rights.clone(),
        refused: facts.config.refused.clone(),
        point,
        estimate,
    })
}

/// What no plan can do without.
struct Known {
    config_file: PathBuf,
    /// Without links in it.
    data_dir: PathBuf,
    version: String,
    multi_part: bool,
}

fn known(look: &Look, facts: &Facts) -> Result<Known, Refusal> {
    let (config, server) = (&facts.config, &facts.server);
    let config_file = config.file.as_ref().map(PathBuf::from).ok_or_else(|| {
        refuse(
            "its configuration file is not known",
            "set config_file in the config: a server without one can't be brought back the same",
        )
    })?;
    let data_dir = config.data_dir.as_ref().map(PathBuf::from);
    let data_dir =
        data_dir.ok_or_else(|| refuse("its data directory is not known", "set config_file in the config"))?;
    let data_dir = look.real_path(&data_dir).unwrap_or(data_dir);
    let program = || refuse("the server's program, and so its version, is not known", "set bin_dir in the config");
    let version = server.version.clone().ok_or_else(program)?;
    let multi_part =
        config.multi_part.ok_or_else(|| refuse("the server's version is not known", "set bin_dir in the config"))?;
    Ok(Known { config_file, data_dir, version, multi_part })
}

fn service(facts: &Facts) -> Result<(ServiceKind, Option<String>), Refusal> {
    let unit = facts.instance.service_name.clone();
    match facts.instance.service {
        ServiceKind::Unknown if facts.process.supervisor_unknown == Some(true) => Err(refuse(
            format!(
                "{} runs the server, and redis-dr does not know how to stop it",
                facts.process.supervisor.clone().unwrap_or_default()
            ),
            "set service in the config: systemd, command, or process: {} if redis-dr starts it itself",
        )),
        ServiceKind::Unknown => Err(refuse(
            "nobody said how the server is started and stopped",
            "set service in the config: systemd, command, or process: {} if redis-dr starts it itself",
        )),
        ServiceKind::Systemd if unit.is_none() => {
            Err(refuse("the unit is not known", "set service: { systemd: UNIT } in the config"))
        }
        kind => Ok((kind, unit)),
    }
}

/// Where a run's copies will go; `<run>` stands for its id. The state directory where it shares the data's filesystem, so
/// that copies can be links, or where the data's disk can't take them; else beside the data.
fn vault_dir(look: &Look, target: &Target, state_dir: &Path, data_dir: &Path, avoid: bool) -> PathBuf {
    if let Some(dir) = &target.vault_dir {
        return dir.join("<run>");
    }
    let nearest = |path: &Path| path.ancestors().find_map(|p| look.stat(p).ok()).map(|s| s.dev);
    match (nearest(state_dir), nearest(data_dir)) {
        (one, other) if avoid || (one.is_some() && one == other) => state_dir.join("runs/<run>/vault"),
        _ => data_dir.join(".redis-dr/<run>"),
    }
}

/// The configured user, else the running process', else the directory's owner; ourselves when we are not root.
fn run_as(look: &Look, target: &Target, facts: &Facts, data_dir: &Path) -> Option<String> {
    let by_id = |uid| look.user_by_id(uid).ok().flatten().map(|u| u.name);
    if target.run_as.is_some() {
        return target.run_as.clone();
    }
    if !look.is_root() {
        return by_id(look.uid());
    }
    facts.process.user.clone().or_else(|| by_id(look.stat(data_dir).ok()?.uid))
}

/// What stood behind the configuration file on the command line, where that is still known.
fn start_args(facts: &Facts, config_file: &Path) -> Vec<String> {
    match facts.process.cmdline.as_slice() {
        [_, file, rest @ ..] if Path::new(file) == config_file => rest.to_vec(),
        _ => vec![],
    }
}

/// The limits of the server that runs, for the one that redis-dr starts after it.
fn limits(look: &Look, facts: &Facts, service: ServiceKind) -> Option<Limits> {
    let pid = facts.process.pid.filter(|_| service == ServiceKind::Process)?;
    look.limits(i32::try_from(pid).ok()?)
}

/// CONFIG must be neither renamed away in the file nor denied by the running server.
fn can_fence(assessed: &Assessed) -> bool {
    let renamed = assessed.effective.renamed.keys().any(|name| name.eq_ignore_ascii_case("config"));
    !renamed && assessed.document.facts.server.config_denied != Some(true)
}

/// Expected durations for a point; for none, those of nothing.
#[must_use]
pub fn estimates(point: Option<&Point>, rates: &Rates) -> Estimate {
    let (load, rewrite, copy) = point.map_or((Seconds(1.0), Seconds(1.0), Seconds(0.0)), |p| estimate(p, None, rates));
    Estimate { load, rewrite, copy }
}
