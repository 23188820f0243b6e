//! What every action finds out: the structs are what gates can read as `steps.<id>.<result>`, and their schema.
//!
//! A result that is null is *unknown*, as a fact is. `#[schemars(skip)]`: for later steps only, no gate can name it.
use super::WholeFile;
use super::scratch::LoadProof;
use crate::facts::{Bytes, Seconds};
use crate::load::Fault;
use crate::verify::Check;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde_json::Value;

/// Results of an action that finds nothing out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Nothing {}

/// A copy of a server's memory in the vault. Results of `server.snapshot`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MemorySaved {
    /// Where it is.
    pub path: String,
    /// How long it is.
    pub bytes: Bytes,
}

/// Was there a server before it was stopped?
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Was {
    /// A process was there.
    Running,
    /// Nothing ran.
    Down,
}

/// Results of `service.stop`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Stopped {
    /// Was it running?
    pub was: Was,
    /// The copy of its memory, where there was something to copy and this run made it.
    pub memory: Option<MemorySaved>,
}

/// Results of `service.start`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Started {
    /// Its process.
    pub pid: Option<u64>,
    /// What it calls itself until it ends.
    pub run_id: Option<String>,
    /// From the start until it had loaded; unknown where it was found started.
    pub load_seconds: Option<Seconds>,
    /// Keys that it held then, of all databases.
    pub loaded_keys: u64,
    /// Does it refuse clients' writes?
    pub fenced: bool,
    /// The size of its log before the start.
    #[schemars(skip)]
    pub log_from: Option<u64>,
}

/// Results of `service.restart`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Restarted {
    /// As of a start.
    #[serde(flatten)]
    pub started: Started,
    /// The copy of the memory of the one before, where there was something to copy.
    pub memory: Option<MemorySaved>,
    /// The data files that were saved between stop and start.
    pub saved: Vec<String>,
}

/// Results of `service.wake`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Woken {
    /// The file that says what the process did while it was silent.
    pub evidence: String,
    /// What became of a running script; unknown where it was not asked for or not answered.
    pub script: Option<String>,
    /// Why nothing more needs to be done ([`super::ENOUGH`]).
    #[schemars(skip)]
    pub enough: Option<String>,
}

/// Results of `service.kill`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Killed {
    /// The process that was killed; unknown where it answered again before.
    pub killed: Option<i32>,
    /// How long it was watched without an answer.
    pub silent_seconds: Option<Seconds>,
    /// Why nothing more needs to be done ([`super::ENOUGH`]).
    #[schemars(skip)]
    pub enough: Option<String>,
}

/// Results of `conf.set`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ConfChanged {
    /// Did the file say something else before?
    pub changed: bool,
}

/// Results of `conf.disable`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LinesDisabled {
    /// How many lines of the configuration are left out now.
    pub lines: usize,
}

/// Results of `files.chown`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RightsChanged {
    /// How many paths got another owner or mode.
    pub changed: usize,
}

/// Results of `disk.free`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DiskFreed {
    /// The files that were removed.
    pub removed: Vec<String>,
    /// Those that were left: they are not what the plan saw any more.
    pub kept: Vec<String>,
    /// How much that freed.
    pub freed: Bytes,
}

/// Results of `files.set_aside`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SetAside {
    /// The paths that were there and are in the vault now.
    pub set_aside: Vec<String>,
}

/// Results of `files.restore`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FilesRestored {
    /// The paths that were put back; one that was as before, or that no step had saved, is not among them.
    pub restored: Vec<String>,
}

/// Results of `rdb.place`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RdbPlaced {
    /// Where the snapshot is.
    pub placed: String,
    /// How long it is.
    pub bytes: Bytes,
}

/// Results of `rdb.check`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RdbChecked {
    /// Keys in it, expired ones included.
    pub keys: u64,
    /// What a private server made of it, where it was asked to load it.
    pub loaded: Option<LoadProof>,
}

/// Results of `aof.check`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AofChecked {
    /// Keys in its base; unknown where the base is not a snapshot.
    pub base_keys: Option<u64>,
    /// Commands behind the base.
    pub commands: u64,
    /// What a private server made of it, where it was asked to load it.
    pub loaded: Option<LoadProof>,
    /// The files that were walked and did not change meanwhile: such a one may be marked instead of copied.
    #[schemars(skip)]
    pub whole: Vec<WholeFile>,
}

/// Results of `aof.cut`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AofWasCut {
    /// The file that was cut.
    pub file: String,
    /// Where it ends now.
    pub offset: Bytes,
    /// What lay behind that, this file and later ones together, or what was left out.
    pub bytes_lost: Bytes,
    /// What a private server made of the copy, where it was asked to load it.
    pub loaded: Option<LoadProof>,
}

/// Results of `aof.seed`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AofSeeded {
    /// The base file.
    pub base: String,
    /// How the snapshot got there: link, reflink or copy.
    pub how: String,
    /// The base, while it is still a link to a backup.
    #[schemars(skip)]
    pub shared: Option<String>,
}

/// Results of `aof.rebuild_manifest`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ManifestRebuilt {
    /// The new manifest's text.
    pub manifest: String,
}

/// Results of `redis.enable_aof` and `redis.rewrite_aof`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AofRewritten {
    /// How long the new AOF is.
    pub base_size: Option<Bytes>,
}

/// Results of `redis.bgsave`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Bgsaved {
    /// How many saves the server had counted before; unknown where it does not count them.
    pub saves_before: Option<u64>,
}

/// Results of `redis.raise_maxmemory`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MaxmemoryRaised {
    /// The limit before.
    pub was: Bytes,
    /// The limit now.
    pub is: Bytes,
    /// Does it outlive the server? Not where the start command fixes it.
    pub lasts: bool,
}

/// Results of `redis.command`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Answered {
    /// What the server answered, as text.
    pub answer: String,
}

/// Results of `redis.wait`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Waited {
    /// The field of INFO.
    pub field: String,
    /// What it said in the end.
    pub is: String,
}

/// Results of `data.verify`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DataVerified {
    /// Were all comparisons equalities? Else some knew only bounds.
    pub exact: bool,
    /// What was compared.
    pub checks: Vec<Check>,
}

/// Results of `data.load`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DataLoaded {
    /// Records or commands read, those left out among them.
    pub read: u64,
    /// Those that are in the server now.
    pub loaded: u64,
    /// Those whose key was there, and stayed.
    pub kept: u64,
    /// Those that took the place of a key that was there; they count as loaded too.
    pub replaced: u64,
    /// Those from before the moment asked for, or expired.
    pub passed: u64,
    /// Those that could not be loaded.
    pub errors: u64,
    /// The first of these, with their lines.
    #[schemars(skip)]
    pub first_errors: Vec<Fault>,
    /// How long the source was.
    pub bytes: Bytes,
    /// Keys in all databases afterwards; unknown where it was only read.
    pub keys: Option<u64>,
}

/// Results of `notify`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Notified {
    /// Did the message go out?
    pub told: bool,
    /// Why not.
    pub note: Option<String>,
}

/// Results of `data.repair`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DataRepaired {
    /// Keys that were repaired.
    pub repaired: u64,
    /// Keys that clients changed in between, and that were left as they are.
    pub moved: u64,
    /// Keys that fail a check with a repair all the same.
    pub left: u64,
    /// The file in the vault that holds the keys as they were.
    pub keys: String,
}

/// Results of `run`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Ran {
    /// The last line that the program wrote to its standard output.
    pub stdout: String,
}

/// Results of `ask` and `manual`: any other answer is a failure.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Agreed {
    /// What the person said.
    pub answer: Yes,
}

/// The one answer that lets a step end well.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Yes {
    /// Yes, or done.
    Yes,
}

/// The JSON schema of what an action finds out; none for a name that is no action's.
#[must_use]
pub fn results_schema(action: &str) -> Option<Value> {
    let schema: Schema = match action {
        "service.stop" => schema_for!(Stopped),
        "service.start" => schema_for!(Started),
        "service.restart" => schema_for!(Restarted),
        "service.wake" => schema_for!(Woken),
        "service.kill" => schema_for!(Killed),
        "service.open" | "service.hold" | "redis.config_set" | "redis.config_rewrite" => schema_for!(Nothing),
        "server.snapshot" => schema_for!(MemorySaved),
        "conf.set" => schema_for!(ConfChanged),
        "conf.disable" => schema_for!(LinesDisabled),
        "files.chown" => schema_for!(RightsChanged),
        "disk.free" => schema_for!(DiskFreed),
        "files.set_aside" => schema_for!(SetAside),
        "files.restore" => schema_for!(FilesRestored),
        "rdb.place" => schema_for!(RdbPlaced),
        "rdb.check" => schema_for!(RdbChecked),
        "aof.check" => schema_for!(AofChecked),
        "aof.cut" => schema_for!(AofWasCut),
        "aof.seed" => schema_for!(AofSeeded),
        "aof.rebuild_manifest" => schema_for!(ManifestRebuilt),
        "redis.enable_aof" | "redis.rewrite_aof" => schema_for!(AofRewritten),
        "redis.bgsave" => schema_for!(Bgsaved),
        "redis.raise_maxmemory" => schema_for!(MaxmemoryRaised),
        "redis.command" => schema_for!(Answered),
        "redis.wait" => schema_for!(Waited),
        "data.verify" => schema_for!(DataVerified),
        "data.load" => schema_for!(DataLoaded),
        "data.repair" => schema_for!(DataRepaired),
        "notify" => schema_for!(Notified),
        "run" => schema_for!(Ran),
        "manual" | "ask" => schema_for!(Agreed),
        _ => return None,
    };
    Some(schema.to_value())
}

/// The schema of what each action finds out, by the action's name.
#[must_use]
pub fn all_results() -> Value {
    let actions = super::schema();
    let names = actions["oneOf"].as_array().into_iter().flatten().filter_map(|one| one["required"][0].as_str());
    names.filter_map(|name| Some((name.to_string(), results_schema(name)?))).collect::<serde_json::Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::action::schema;

    #[test]
    fn every_action_says_what_it_finds_out() {
        let all = schema();
        let branches = all["oneOf"].as_array().unwrap();
        assert!(branches.len() > 20);
        for branch in branches {
            let name = branch["required"][0].as_str().unwrap();
            assert!(results_schema(name).is_some(), "{name} has no results here");
        }
        assert_eq!(results_schema("service.stpo"), None);
        assert_eq!(all_results().as_object().unwrap().len(), branches.len());
    }

    #[test]
    fn a_restart_finds_out_what_a_start_does() {
        let fields = |action: &str| -> Vec<String> {
            let schema = results_schema(action).unwrap();
            schema["properties"].as_object().unwrap().keys().cloned().collect()
        };
        let (start, restart) = (fields("service.start"), fields("service.restart"));
        assert!(start.iter().all(|f| restart.contains(f)) && restart.contains(&"memory".to_string()));
        assert!(start.contains(&"loaded_keys".into()) && !start.contains(&"log_from".into()), "{start:?}");
    }

    #[test]
    fn what_is_kept_for_the_run_itself_is_in_its_results() {
        let enough = serde_json::to_value(Killed { killed: None, silent_seconds: None, enough: Some("x".into()) });
        assert_eq!(enough.unwrap()[super::super::ENOUGH], Value::from("x"));
    }
}
