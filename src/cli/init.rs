//! `redis-dr init`: finds the servers of this host and writes a commented config for all of them.
use super::args::{Global, InitArgs};
use super::{Failure, out};
use crate::assess::{Assessed, Assessor, Depth, Discovered, Found, Target, Wanted, discover};
use crate::config::{self, Config};
use crate::facts::ServiceKind;
use crate::host::Look;
use crate::report::Commands;
use crate::server::{Address, Endpoint};
use crate::state::State;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

mod text;

/// Writes the config, or prints it with `-o -`.
pub fn run(global: &Global, args: &InitArgs) -> Result<i32, Failure> {
    let look = Look::new();
    // Only looked into for pauses and measured rates: anywhere will do.
    let state = State::at(global.state_dir.clone().unwrap_or_else(|| "/var/lib/redis-dr".into()));
    let to = match args.output.as_deref() {
        Some(path) if path == Path::new("-") => None,
        Some(path) if path == Path::new("json") => {
            return Err(Failure::usage("-o names a file", "for JSON on standard output: --json"));
        }
        Some(path) => Some(std::path::absolute(path).unwrap_or(path.to_path_buf())),
        None => Some(default_path(look)?),
    };
    if let Some(path) = to.as_ref().filter(|path| look.lstat_if_there(path).is_ok_and(|there| there.is_some())) {
        return Err(Failure::usage(
            format!("{} exists, and init overwrites nothing", path.display()),
            "write it elsewhere and compare: redis-dr init -o FILE, or redis-dr init -o -",
        ));
    }
    let mut all = discover(&look, Path::new("/"));
    let (found, others): (Vec<_>, Vec<_>) = all.found.into_iter().partition(|one| asked_for(global, &one.address));
    all.found = found;
    if all.found.is_empty() {
        let others: Vec<String> = others.iter().map(|one| one.address.to_string()).collect();
        return Err(match asked(global) {
            Some(address) => none_there(&address, &others),
            None => nothing(&all),
        });
    }
    let servers = described(look, &state, &all.found);
    let written = text::config(&servers, look, global.state_dir.as_deref());
    // What we write, we can read: without this a defect here would be found at 3 a.m.
    Config::from_text(&written, "the config just made")
        .map_err(|e| Failure::new(70, e.to_string(), "please report it"))?;
    match &to {
        None => out::line(written.trim_end()),
        Some(path) => write(path, written.as_bytes())?,
    }
    if let Some(path) = &to {
        // where nobody names it, only the usual file is read
        let named = args.output.is_some().then_some(path.as_path());
        tell(path, &servers, &all, global.json, &Commands::new(named, global.state_dir.as_deref()));
    }
    Ok(0)
}

/// With `-p` or `-s` only the server there is written about.
fn asked_for(global: &Global, address: &Address) -> bool {
    match address {
        Address::Tcp { port, .. } => global.socket.is_none() && global.port.is_none_or(|p| p == *port),
        Address::Unix(path) => global.port.is_none() && global.socket.as_ref().is_none_or(|s| s == path),
    }
}

/// A server with its name in the config and what a quick look says about it.
struct Server<'a> {
    name: String,
    found: &'a Found,
    assessed: Assessed,
}

fn described<'a>(look: Look, state: &State, found: &'a [Found]) -> Vec<Server<'a>> {
    let mut names = BTreeSet::new();
    let one = |found: &'a Found| {
        let mut endpoint = Endpoint::plain(found.address.clone());
        endpoint.tls.clone_from(&found.tls);
        let target = Target::found(&look, found, endpoint);
        let wanted = Wanted { depth: Depth::Quick, ..Wanted::default() };
        let assessed = Assessor::new(look, target, state).assess(&wanted);
        Server { name: name(found, &mut names), found, assessed }
    };
    found.iter().map(one).collect()
}

/// A name after the unit's instance, the configuration file or the port; a number behind it where that is taken.
fn name(found: &Found, taken: &mut BTreeSet<String>) -> String {
    let stem = |path: &Path| path.file_stem().map(|n| n.to_string_lossy().into_owned());
    let instance =
        found.unit.as_deref().and_then(|u| u.strip_suffix(".service")?.split_once('@').map(|(_, i)| i.to_string()));
    let common = ["redis", "valkey", "redict", "keydb", "server", "default"];
    let of_file = found.config_file.as_deref().and_then(stem).filter(|n| !common.contains(&n.as_str()));
    let of_port = found.address.port().map(|port| format!("redis-{port}"));
    let of_socket = found.address.socket().and_then(stem);
    let given = instance.or(of_file).or(of_port).or(of_socket).unwrap_or_else(|| "redis".into());
    let plain: String =
        given.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect();
    let plain = plain.trim_start_matches(['.', '-']).chars().take(60).collect::<String>();
    let plain = if plain.is_empty() { "redis".to_string() } else { plain };
    let mut name = plain.clone();
    let mut count = 2;
    while !taken.insert(name.clone()) {
        name = format!("{plain}-{count}");
        count += 1;
    }
    name
}

/// Where the config is looked for: the system's for root, else the user's own.
fn default_path(look: Look) -> Result<PathBuf, Failure> {
    config::default_file(&|name| std::env::var_os(name), look.is_root()).ok_or_else(|| {
        Failure::usage("there is no home directory to write the config to", "name a file: redis-dr init -o FILE")
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let fail = |e: crate::host::HostError| {
        Failure::of(if e.is_full() { 1 } else { 2 }, e, "name another file: redis-dr init -o FILE")
    };
    crate::host::write_new_private(path, bytes).map_err(fail)
}

/// The address that was asked for, where one was.
fn asked(global: &Global) -> Option<String> {
    let port = global.port.map(|port| format!("127.0.0.1:{port}"));
    port.or_else(|| global.socket.as_ref().map(|path| format!("unix:{}", path.display())))
}

/// Nothing answers there, and nothing that is installed names it: what must be given by hand.
fn none_there(address: &str, others: &[String]) -> Failure {
    let error =
        format!("no server runs at {address}, and no unit or configuration file that is installed here names it");
    let found = if others.is_empty() { String::new() } else { format!("\n  found instead: {}", others.join(", ")) };
    let hint = format!(
        "start the server and ask again, or name its configuration file by hand, in redis-dr.yaml:\n\nversion: 1\n\
         instances:\n  mine:\n    address: {address}\n    config_file: /path/to/its/redis.conf\n    service: {{ process: {{}} }}       \
         # or {{ systemd: UNIT }}"
    );
    Failure::usage(format!("{error}{found}"), hint)
}

/// Nothing was found: where was looked, and how to go on by hand.
fn nothing(all: &Discovered) -> Failure {
    let mut hint = "write a config by hand; this is one with every key:\n\n".to_string();
    hint.push_str(config::EXAMPLE);
    let mut error = "no Redis or Valkey server was found on this host".to_string();
    for place in &all.looked_at {
        let _ = write!(error, "\n  looked at {place}");
    }
    for note in &all.passed_over {
        let _ = write!(error, "\n  passed over: {note}");
    }
    Failure::usage(error, hint)
}

fn tell(path: &Path, servers: &[Server<'_>], all: &Discovered, json: bool, commands: &Commands) {
    if json {
        let rows: Vec<_> = servers
            .iter()
            .map(|s| {
                let facts = &s.assessed.document.facts;
                json!({
                    "name": s.name, "address": s.found.address, "config_file": facts.config.file,
                    "unit": facts.instance.service_name, "running": s.found.pid.is_some(), "data_dir": facts.config.data_dir,
                })
            })
            .collect();
        out::json(
            &json!({ "schema": "redis-dr/init/1", "path": path, "instances": rows, "passed_over": all.passed_over }),
        );
        return;
    }
    out::line(&format!("Written to {}:", path.display()));
    for s in servers {
        out::line(&format!("  {:<20} {:<28} {}", s.name, s.found.address.to_string(), s.found.shown()));
    }
    for note in &all.passed_over {
        out::line(&format!("  passed over: {note}"));
    }
    let undecided = servers.iter().any(|s| s.assessed.document.facts.instance.service == ServiceKind::Unknown);
    if undecided {
        out::line("Who starts and stops a server could not be found out for all of them: see `service` in it.");
    }
    let name = servers.first().map_or("NAME", |s| s.name.as_str());
    let next = commands.command(&format!("assess {name}"));
    out::line(&format!("Read it, name your backups under `stores` and your limits under `policy`, then: {next}"));
}
