//! `--bench`: the vendor's own benchmark, beside the clients, small and bounded.
//!
//! Its writes go to keys of ours that live a minute (`redis-dr:bench:…`), and to no other: the benchmark's usual tests write to
//! names that could be somebody's. It takes a password on its command line alone, where everybody on the host could read it,
//! so a server with one is not measured.
use crate::host::Look;
use crate::host::process::Command;
use crate::server::{Address, Endpoint, Info};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Requests of each test.
const REQUESTS: u64 = 10_000;
/// Connections that ask side by side.
const CLIENTS: u64 = 20;
/// How long one test may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Names of the program, in the server's directory.
const NAMES: [&str; 2] = ["valkey-benchmark", "redis-benchmark"];

/// What the vendor's benchmark measured.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Bench {
    /// The program.
    pub program: String,
    /// Requests of each test.
    pub requests: u64,
    /// Connections that asked side by side.
    pub clients: u64,
    /// The tests.
    pub tests: Vec<BenchTest>,
    /// What was not measured, and why.
    pub left_out: Vec<String>,
}

/// One test. Times are null where the program tells only the rate (before 6.2).
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BenchTest {
    /// `PING`, `SET` or `GET`.
    pub name: String,
    /// Answers a second.
    pub requests_per_second: f64,
    /// Half of the answers came faster, milliseconds.
    pub p50_ms: Option<f64>,
    /// 95 of 100 came faster.
    pub p95_ms: Option<f64>,
    /// 99 of 100 came faster.
    pub p99_ms: Option<f64>,
    /// The slowest.
    pub max_ms: Option<f64>,
}

/// The benchmark that lies in a directory of server programs.
#[must_use]
pub fn program_in(look: &Look, bin_dir: &Path) -> Option<PathBuf> {
    NAMES.iter().map(|name| bin_dir.join(name)).find(|path| look.exists(path))
}

/// Measures. `interrupted` is asked between the tests.
pub fn measure(look: &Look, program: &Path, endpoint: &Endpoint, info: &Info, interrupted: &dyn Fn() -> bool) -> Bench {
    let mut bench = Bench {
        program: program.display().to_string(),
        requests: REQUESTS,
        clients: CLIENTS,
        tests: vec![],
        left_out: vec![],
    };
    if endpoint.password.is_some() {
        bench
            .left_out
            .push("all: the server asks for a password, and the program takes one only on its command line".into());
        return bench;
    }
    let key = "redis-dr:bench:__rand_int__";
    let mut tests = vec![("PING", vec!["PING"])];
    match may_write(info) {
        Ok(()) => {
            tests.push(("SET", vec!["SET", key, "redis-dr", "EX", "60"]));
            tests.push(("GET", vec!["GET", key]));
        }
        Err(because) => bench.left_out.push(format!("SET, GET: {because}")),
    }
    for (name, words) in tests {
        if interrupted() {
            bench.left_out.push(format!("{name}: interrupted"));
            continue;
        }
        let command = Command::new(argv(program, endpoint, &words), TIMEOUT);
        match look.ask(&command) {
            Ok(output) if output.ok() => match read(name, &output.text()) {
                Some(test) => bench.tests.push(test),
                None => bench.left_out.push(format!("{name}: {}", output.complaint())),
            },
            Ok(output) => bench.left_out.push(format!("{name}: {}", output.complaint())),
            Err(error) => bench.left_out.push(format!("{name}: {error}")),
        }
    }
    bench
}

/// Would a few keys of ours harm nobody?
fn may_write(info: &Info) -> Result<(), String> {
    if info.get("role").is_some_and(|role| role != "master") {
        return Err("the server is a replica".into());
    }
    let (used, most) = (info.number("used_memory").unwrap_or(0), info.number("maxmemory").unwrap_or(0));
    // a full cache would throw other keys away for ours
    if most > 0 && used >= most / 10 * 9 {
        return Err("the server has nearly used up its maxmemory".into());
    }
    Ok(())
}

fn argv(program: &Path, endpoint: &Endpoint, words: &[&str]) -> Vec<String> {
    let mut argv = vec![program.display().to_string()];
    match &endpoint.address {
        Address::Tcp { host, port } => argv.extend(["-h".into(), host.clone(), "-p".into(), port.to_string()]),
        Address::Unix(path) => argv.extend(["-s".into(), path.display().to_string()]),
    }
    if let Some(tls) = &endpoint.tls {
        argv.push("--tls".into());
        for (option, file) in [("--cacert", &tls.ca), ("--cert", &tls.cert), ("--key", &tls.key)] {
            argv.extend(file.iter().flat_map(|file| [option.to_string(), file.display().to_string()]));
        }
    }
    let options = ["-n", &REQUESTS.to_string(), "-c", &CLIENTS.to_string(), "-r", "1000", "--csv"].map(String::from);
    argv.extend(options);
    argv.extend(words.iter().map(ToString::to_string));
    argv
}

/// The last line of the CSV: the test's words, the rate and, from 6.2 on, average, minimum, p50, p95, p99 and maximum.
fn read(name: &str, csv: &str) -> Option<BenchTest> {
    let last = csv.lines().rev().find(|line| line.starts_with('"'))?;
    let numbers: Vec<f64> = last.split("\",\"").skip(1).filter_map(|n| n.trim_end_matches('"').parse().ok()).collect();
    let at = |n: usize| numbers.get(n).copied();
    Some(BenchTest {
        name: name.into(),
        requests_per_second: at(0)?,
        p50_ms: at(3),
        p95_ms: at(4),
        p99_ms: at(5),
        max_ms: at(6),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_its_table_are_read() {
        let new = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
                   \"SET k v EX 60\",\"108695.65\",\"0.112\",\"0.040\",\"0.103\",\"0.191\",\"0.295\",\"0.735\"\n";
        let test = read("SET", new);
        assert_eq!(
            test.as_ref().map(|t| (t.requests_per_second, t.p50_ms, t.max_ms)),
            Some((108_695.65, Some(0.103), Some(0.735)))
        );
        let old = read("SET", "\"SET k v\",\"99999.00\"\n");
        assert_eq!(old.map(|t| (t.requests_per_second, t.p99_ms)), Some((99_999.0, None)));
        assert_eq!(read("SET", "Could not connect to Redis at 127.0.0.1:1\n"), None);
    }

    #[test]
    fn a_replica_and_a_full_cache_are_not_written_to() {
        let info = |text: &str| Info::parse(text);
        assert!(may_write(&info("role:master\r\nused_memory:10\r\nmaxmemory:0\r\n")).is_ok());
        assert!(may_write(&info("role:slave\r\n")).is_err());
        assert!(may_write(&info("role:master\r\nused_memory:95\r\nmaxmemory:100\r\n")).is_err());
    }
}
