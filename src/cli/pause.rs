//! `redis-dr pause`: the maintenance mark.
use super::args::PauseArgs;
use super::{Context, Failure, out};
use crate::facts::{Seconds, Time};
use crate::lock::Holder;
use crate::state::Pause;
use schemars::JsonSchema;
use serde::Serialize;

/// `redis-dr/pause/1`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document {
    /// redis-dr/pause/1
    schema: &'static str,
    /// Which instance.
    instance: String,
    /// Does `--auto` keep its hands off?
    paused: bool,
    /// Who set the mark, where there is one.
    by: Option<String>,
    /// Since when.
    since: Option<Time>,
    /// Until when.
    until: Option<Time>,
}

/// Sets the mark, or takes it off.
pub fn run(context: &Context, args: &PauseArgs) -> Result<i32, Failure> {
    let name = context.choose(args.instance.as_deref())?.target.name;
    let pause = if args.off { None } else { Some(until(context, &args.duration)?) };
    context.state.set_pause(&name, pause.as_ref())?;
    if context.global.json {
        out::json(&Document {
            schema: "redis-dr/pause/1",
            instance: name,
            paused: pause.is_some(),
            by: pause.as_ref().map(|p| p.by.clone()),
            since: pause.as_ref().map(|p| Time(p.since)),
            until: pause.and_then(|p| p.until).map(Time),
        });
        return Ok(0);
    }
    if context.global.quiet {
        return Ok(0);
    }
    let name = crate::report::clean(&name);
    match pause {
        Some(pause) => {
            out::line(&format!("{name} is {pause}. --auto keeps its hands off."));
            out::line(&format!("Take it off: {}", context.command(&format!("pause {name} --off"))));
        }
        None => out::line(&format!("{name} is not paused.")),
    }
    Ok(0)
}

/// A mark that begins now and lasts so long.
fn until(context: &Context, duration: &str) -> Result<Pause, Failure> {
    let wrong = |e: String| Failure::usage(format!("--for {duration}: {e}"), "such as --for 2h or --for 30m");
    let length = Seconds::parse(duration).map_err(wrong)?;
    let since = context.look.now();
    let until = jiff::SignedDuration::try_from(length.duration())
        .ok()
        .filter(|length| length.is_positive())
        .and_then(|length| since.checked_add(length).ok())
        .ok_or_else(|| wrong("it must be longer than nothing, and end some day".into()))?;
    let who = Holder::this_process(context.look);
    Ok(Pause { by: format!("{} on {}", who.who, who.host), since, until: Some(until) })
}
