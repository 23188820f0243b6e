//! The engine's laws under every fault: for every scene, a fault at every point at which redis-dr changes something (each
//! fsync, rename, write, start …), the question what a start would load now, and then resume or roll back.
//!
//! `cargo test --test sweep [SCENE]...` plays a sample; `REDIS_DR_SWEEP=full` plays all cases, `REDIS_DR_SWEEP=7` every
//! seventh (a prime step goes through all kinds of cases in turn). `REDIS_DR_SWEEP=must` fails where nothing can be traced
//! instead of leaving the sweep out. The last line is `sweep: N cases, M failed`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(clippy::print_stdout, clippy::print_stderr)]
mod case;
#[allow(dead_code)]
#[path = "../stories/damage.rs"]
mod damage;
#[allow(dead_code)]
#[path = "../stories/data.rs"]
mod data;
#[allow(dead_code)]
#[path = "../stories/dr.rs"]
mod dr;
mod host_state;
#[allow(dead_code)]
#[path = "../stories/lab.rs"]
mod lab;
mod live;
#[path = "../stories/nobody.rs"]
mod nobody;
#[allow(dead_code)]
#[path = "../stories/resp.rs"]
mod resp;
#[allow(dead_code)]
#[path = "../stories/sandbox.rs"]
mod sandbox;
mod scenes;
#[allow(dead_code)]
#[path = "../stories/secret.rs"]
mod secret;
mod start;
mod syscalls;
mod tracer;
#[allow(dead_code)]
#[path = "../stories/troubles.rs"]
mod troubles;

use case::{Case, During, Ending};
use nix::libc::{EDQUOT, EIO, ENOSPC, EROFS};
use scenes::{Broken, Host, SCENES, Scene};
use std::process::ExitCode;
use std::sync::Mutex;
use tracer::{Fault, Traced, trace};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == tracer::TRACED) {
        eprintln!("{}", tracer::become_traced(&args[1..]));
        return ExitCode::from(127);
    }
    let asked = std::env::var("REDIS_DR_SWEEP").unwrap_or_default();
    let why = tracer::refused();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if has("--list") {
        // as a test that is ignored it is counted as left out, and never as passed
        let left_out = why.is_some() && asked.is_empty();
        for scene in SCENES.iter().filter(|_| left_out || !has("--ignored")) {
            println!("{}: test", scene.name);
        }
        return ExitCode::SUCCESS;
    }
    if let Some(why) = why {
        println!("sweep: LEFT OUT, nothing was proved: {why}");
        return if asked.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let names: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |scene: &&Scene| names.is_empty() || names.iter().any(|name| *name == scene.name);
    let mut told = (0, 0);
    for scene in SCENES.iter().filter(wanted) {
        let (played, failed) = sweep(scene, step(scene, &asked));
        told = (told.0 + played, told.1 + failed);
    }
    println!("sweep: {} cases, {} failed", told.0, told.1);
    if told.1 == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every so many-th case of a scene is played.
fn step(scene: &Scene, asked: &str) -> usize {
    match asked {
        "full" => 1,
        number => number.parse().ok().filter(|step| *step > 0).unwrap_or(scene.every),
    }
}

/// Plays every so many-th case of a scene, on all cores; how many, and how many failed.
fn sweep(scene: &'static Scene, every: usize) -> (usize, usize) {
    let tree = match scene.tree() {
        Ok(tree) => tree,
        Err(why) => {
            println!("{}: LEFT OUT, {why}", scene.name);
            return (0, 0);
        }
    };
    let broken = Broken::new(scene, &tree);
    let host = broken.again();
    let undisturbed = trace(&host.server.command(&scene.args()), host.server.root(), None).unwrap();
    assert_eq!(undisturbed.code, Some(0), "{}: {}\n{}", scene.name, undisturbed.stdout, undisturbed.stderr);
    let run: serde_json::Value = serde_json::from_str(&undisturbed.stdout).unwrap();
    assert_eq!(run["runbook"], scene.runbook, "{run}");
    drop(host);
    let cases = cases(&broken, &undisturbed, every);
    println!(
        "{} on {}: {} points, {} cases (every {every})",
        scene.name,
        tree.name,
        undisturbed.points.len(),
        cases.len()
    );
    let all = cases.len();
    let (queue, failures) = (Mutex::new(cases.into_iter()), Mutex::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = { queue.lock().unwrap().next() } {
                    let broken = &broken;
                    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case.play(broken))).is_err() {
                        let point = match case.during {
                            During::Recovery => undisturbed.points.get(case.at - 1).map(ToString::to_string),
                            During::RollBack { .. } => None,
                        };
                        println!("{}: FAILED: {case}: {}", scene.name, point.unwrap_or_default());
                        *failures.lock().unwrap() += 1;
                    }
                }
            });
        }
    });
    (all, failures.into_inner().unwrap())
}

/// The cases of a scene: each point with a kill and with a failure, on the way there; and a kill on the way back.
fn cases(broken: &Broken, undisturbed: &Traced, every: usize) -> Vec<Case> {
    let mut all = Vec::new();
    let faults = [ENOSPC, EIO, EROFS, EDQUOT];
    let last = undisturbed.points.len();
    for at in 1..=last {
        let recovery = |fault, ending| Case { during: During::Recovery, at, fault, ending };
        all.push(recovery(Fault::KillBefore, if at % 2 == 0 { Ending::Resume } else { Ending::Again }));
        all.push(recovery(Fault::KillBefore, Ending::RollBack));
        all.push(recovery(Fault::Fails(faults[at % 4]), [Ending::Resume, Ending::RollBack][at / 4 % 2]));
        all.push(recovery(Fault::FailsFromHere([ENOSPC, EROFS][at % 2]), Ending::RollBack));
        if undisturbed.points[at - 1].call == "spawn" || at == last {
            all.push(recovery(Fault::KillAfter, Ending::Resume));
        }
    }
    all.extend(on_the_way_back(broken, undisturbed));
    if broken.scene.loses_power() {
        match broken.again_on_a_disk() {
            Ok(_) => all.extend((1..=last).map(|at| {
                let ending = [Ending::Resume, Ending::RollBack, Ending::Again][at % 3];
                Case { during: During::Recovery, at, fault: Fault::PowerLoss, ending }
            })),
            Err(why) => println!("{}: LEFT OUT, losses of power: {why}", broken.scene.name),
        }
    }
    all.into_iter().step_by(every).collect()
}

/// A recovery that is killed right before it opens the server, and taken back.
fn on_the_way_back(broken: &Broken, undisturbed: &Traced) -> Vec<Case> {
    let lifts = |p: &syscalls::Point| p.call == "send" && p.about.starts_with("CONFIG SET");
    let Some(opens) = undisturbed.points.iter().position(lifts) else {
        return Vec::new();
    };
    let journal = |p: &syscalls::Point| p.about.ends_with("journal.jsonl") || p.about.ends_with("journal");
    // the journal's lines before: the step that opens was started, and that it opened
    let written =
        (0..opens).rev().filter(|i| undisturbed.points[*i].call == "write" && journal(&undisturbed.points[*i]));
    let Some(before) = written.clone().nth(1).or_else(|| written.clone().next()) else {
        return Vec::new();
    };
    let killed_at = before + 1;
    let Host { server, .. } = &broken.again();
    trace(&server.command(&broken.scene.args()), server.root(), Some((killed_at, Fault::KillBefore))).unwrap();
    let back = trace(&server.command(&["runs", "rollback", "--auto", "--json"]), server.root(), None).unwrap();
    assert_eq!(back.code, Some(0), "{}\n{}", back.stdout, back.stderr);
    let during = During::RollBack { killed_at };
    let mut all = Vec::new();
    for at in 1..=back.points.len() {
        all.push(Case { during, at, fault: Fault::KillBefore, ending: Ending::RollBack });
        all.push(Case { during, at, fault: Fault::Fails([EIO, ENOSPC][at % 2]), ending: Ending::RollBack });
    }
    all
}
