//! `redis-dr guard`: may this server be started?
use super::args::{Global, GuardArgs};
use super::context::Context;
use super::{Failure, out};
use crate::assess::{Guarded, guard};
use crate::report::clean;
use serde_json::json;
use std::time::Duration;

/// How long looking may take; a disk that does not answer would not let the server start either.
const PATIENCE: Duration = Duration::from_secs(10);

/// Exit code 0 lets the start go on, 3 refuses it. Nothing else: a guard in trouble says so and lets it go on.
pub fn run(global: &Global, args: &GuardArgs) -> i32 {
    let commands = global.commands();
    let (name, mut said) = match looked(global, args) {
        Ok(said) => said,
        Err(failure) => {
            let note =
                format!("the guard could not look, so the start goes on: {}", failure.carrying(&commands).text());
            (args.instance.clone(), Guarded { notes: vec![note], ..Guarded::default() })
        }
    };
    for finding in &mut said.refusals {
        for text in std::iter::once(&mut finding.hint).chain(&mut finding.evidence) {
            *text = commands.carried(text, name.as_deref());
        }
    }
    let code = if said.may_start() { 0 } else { 3 };
    if global.json {
        out::json(&json!({
            "schema": "redis-dr/guard/1", "instance": name, "may_start": said.may_start(),
            "refusals": said.refusals, "notes": said.notes, "exit_code": code,
        }));
        return code;
    }
    tell(global, name.as_deref(), &said);
    code
}

fn looked(global: &Global, args: &GuardArgs) -> Result<(Option<String>, Guarded), Failure> {
    let context = Context::new(global, "guard")?;
    let target = context.choose(args.instance.as_deref())?.target;
    let (name, accept) = (target.name.clone(), args.accept);
    let (look, state) = (context.look, context.state.clone());
    let (to, from) = std::sync::mpsc::channel();
    std::thread::spawn(move || to.send(guard(look, &target, &state, accept)));
    match from.recv_timeout(PATIENCE) {
        Ok(said) => Ok((Some(name), said)),
        Err(_) => Err(Failure::look("looking at its files took too long, or failed", "redis-dr assess")),
    }
}

/// Into the unit's log: what, why, and the next command.
fn tell(global: &Global, name: Option<&str>, said: &Guarded) {
    let name = clean(name.unwrap_or("the server"));
    for note in said.notes.iter().filter(|_| !global.quiet) {
        out::note(&format!("note: {}", note.lines().map(clean).collect::<Vec<_>>().join("\n  ")));
    }
    if said.may_start() {
        return;
    }
    out::note(&format!("error: the guard does not let {name} start"));
    for finding in &said.refusals {
        out::note(&format!("  {}: {}", finding.id.name(), clean(&finding.title)));
        for line in &finding.evidence {
            out::note(&format!("    {}", clean(line)));
        }
        out::note(&format!("    hint: {}", clean(&finding.hint)));
    }
    let command = |words: &str| global.commands().command(words);
    out::note(&format!("next: {}; {}", command(&format!("assess {name}")), command(&format!("recover {name}"))));
    let accept = command(&format!("guard {name} --accept"));
    out::note(&format!("to start with what is there all the same, once and for all: {accept}"));
}
