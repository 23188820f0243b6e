//! `redis-dr aof tag`: a mark in the AOF of a running server.
use super::args::AofTagArgs;
use super::{Context, Failure, out};
use crate::aof::tag;
use crate::facts::{Seconds, Time};
use crate::server::{Info, Server, ServerError};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was marked: `redis-dr/aof-tag/1`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Document {
    /// redis-dr/aof-tag/1
    schema: &'static str,
    /// Which instance.
    instance: String,
    /// The tag's name, as `aof cut --at-tag` and `at=tag:NAME` take it.
    tag: String,
    /// The key that marks it, in database 0.
    key: String,
    /// When it was written, by the clock of this host.
    at: Time,
    /// When the key goes; the mark stays until the AOF is rewritten.
    expires_at: Time,
}

/// Writes the mark.
///
/// # Errors
/// The name or the duration is none (2), the server is a replica (3), it writes no AOF or takes no writes (1).
pub fn run(context: &Context, args: &AofTagArgs) -> Result<i32, Failure> {
    let lives = lives(&args.keep)?;
    let chosen = context.choose(args.instance.as_deref())?;
    let name = crate::report::clean(&chosen.target.name);
    let at = Time(context.look.now());
    let tag = args.name.clone().unwrap_or_else(|| at.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    if !tag::is_name(&tag) {
        let hint = "at most 128 letters, digits and . _ : -, such as before-deploy";
        return Err(Failure::usage(format!("--name {} is no name of a tag", tag.escape_debug()), hint));
    }
    let mut server = Server::connect(&chosen.target.endpoint, PATIENCE).map_err(failed)?;
    let info = server.info(Some("everything")).map_err(failed)?;
    writes_an_aof(context, &name, &info)?;
    let key = format!("{}{tag}", tag::PREFIX);
    server.set_for(0, &key, &at.to_string(), lives).map_err(failed)?;
    let expires_at = Time(at.0.checked_add(lives).unwrap_or(at.0));
    let document = Document { schema: "redis-dr/aof-tag/1", instance: name, tag, key, at, expires_at };
    if context.global.json {
        out::json(&document);
    } else if !context.global.quiet {
        out::line(&format!("{}: tagged {} at {}", document.instance, document.tag, document.at));
        let back = format!("--runbook restore-to-time --param at=tag:{}", document.tag);
        out::line(&format!("back to it: {}", context.command(&format!("recover {} {back}", document.instance))));
    }
    Ok(0)
}

fn lives(keep: &str) -> Result<Duration, Failure> {
    let wrong = |e: String| Failure::usage(format!("--keep {keep}: {e}"), "such as --keep 1m or --keep 2h");
    let lives = Seconds::parse(keep).map_err(wrong)?;
    let most = 365.0 * 86400.0;
    if !(0.001..=most).contains(&lives.0) {
        return Err(wrong("it must be longer than nothing, and at most a year".into()));
    }
    Ok(lives.duration())
}

/// A mark that no AOF keeps, or that a primary's stream would not have, is none.
fn writes_an_aof(context: &Context, name: &str, info: &Info) -> Result<(), Failure> {
    if info.get("role") != Some("master") {
        let hint = "tag its primary: the mark comes with the replication, into the replica's AOF too";
        return Err(Failure::new(3, format!("{name} is a replica, and a replica is never written to"), hint));
    }
    if info.flag("aof_enabled") != Some(true) {
        let hint = context.command(&format!("recover {name} --runbook enable-aof"));
        return Err(Failure::look(format!("{name} writes no AOF, so there is nothing to mark"), hint));
    }
    Ok(())
}

fn failed(e: ServerError) -> Failure {
    let hint = e.hint();
    Failure::of(1, e, hint)
}
