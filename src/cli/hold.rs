//! `redis-dr hold`: stop the bleeding, and `--release`.
use super::args::HoldArgs;
use super::context::{Chosen, Context};
use super::{Failure, out};
use crate::facts::Time;
use crate::hold::{self, HoldError, Taken, World};
use crate::report::clean;
use crate::vault::Save;
use serde_json::{Value, json};

/// Holds the instance, or releases it.
pub fn run(context: &Context, args: &HoldArgs) -> Result<i32, Failure> {
    let Chosen { target, .. } = context.choose(args.instance.as_deref())?;
    let world = World { look: context.look, state: &context.state, target: &target };
    if args.release {
        return release(context, &world);
    }
    let taken = hold::take(&world)?;
    let code = if taken.incomplete { 4 } else { 0 };
    let next = [
        context.command(&format!("assess {}", target.name)),
        context.command(&format!("recover {}", target.name)),
        context.command(&format!("hold {} --release", target.name)),
    ];
    if context.global.json {
        out::json(&document(&target.name, &taken, code, &next));
        return Ok(code);
    }
    let lines = taken.lines(&target.name);
    let carried = |line: &String| context.commands().carried(line, Some(&target.name));
    lines.iter().for_each(|line| out::line(&clean(&carried(line))));
    if !context.global.quiet {
        out::line(&format!("Next: {}", next.join("\n      ")));
    }
    Ok(code)
}

fn document(name: &str, taken: &Taken, code: i32, next: &[String]) -> Value {
    let files = taken.saves.iter().flat_map(Save::files);
    let saved: Vec<Value> =
        files.map(|s| json!({ "path": s.path(), "how": s.how(), "bytes": s.bytes(), "copy": s.copy() })).collect();
    json!({
        "schema": "redis-dr/hold/1", "instance": name, "held": true, "already": taken.already, "hold_id": taken.id,
        "by": taken.by, "since": Time(taken.since), "did": taken.did, "could_not": taken.could_not, "saved": saved,
        "vault": taken.vault, "journal": taken.journal, "next": next, "exit_code": code,
    })
}

fn release(context: &Context, world: &World<'_>) -> Result<i32, Failure> {
    let name = &world.target.name;
    let released = hold::release(world)?;
    if context.global.json {
        out::json(&json!({
            "schema": "redis-dr/hold/1", "instance": name, "held": false, "hold_id": released.id,
            "did": released.did, "left": released.left, "exit_code": 0,
        }));
        return Ok(0);
    }
    let nothing = released.id.is_none() && released.did.is_empty();
    out::line(&format!("{} is {}", clean(name), if nothing { "not held" } else { "released" }));
    let carried = |line: &String| context.commands().carried(line, Some(name));
    let lines = released.did.iter().chain(&released.left).map(carried);
    lines.for_each(|line| out::line(&format!("  {}", clean(&line))));
    Ok(0)
}

impl From<HoldError> for Failure {
    fn from(e: HoldError) -> Self {
        Self::new(e.exit_code(), e.to_string(), e.hint())
    }
}
