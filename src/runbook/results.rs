//! What steps find out, as names: `steps.<id>.<result>`.
//!
//! In a name each `-` of an id is written `_` (`verify-data` is read as `steps.verify_data.…`). Ids are lower-case words
//! with hyphens, so no two of them are written alike. The steps of an included runbook are `steps.<parent>.<child>.…`.
//!
//! Gates, titles and reasons may read what was found out before they are asked or said: those of a step what earlier
//! steps found out, its `after` gates also what it found out itself, `recovered` everything. What a plan settles
//! (parameters, `if`, `require`) may not.
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value as Json};

use super::reader::Reader;
use crate::action::all_results;
use crate::expr::{self, Bindings, Fields, Type, Types};

/// The root name.
pub const STEPS: &str = "steps";

/// What each action finds out, by its name; made once, since every step of every runbook asks.
static RESULTS: LazyLock<BTreeMap<String, Type>> = LazyLock::new(|| {
    let all = all_results();
    let schemas = all.as_object().into_iter().flatten();
    schemas.filter_map(|(action, schema)| Some((action.clone(), Type::from_schema(schema, schema)?))).collect()
});

/// The path below [`STEPS`] of a step with this id, which may be `parent.child`.
fn path_of(id: &str) -> String {
    id.replace('-', "_")
}

/// The type of [`STEPS`] when these steps, id and action, have been taken.
pub fn results_types<'a>(steps: impl Iterator<Item = (&'a str, &'a str)>) -> Type {
    let mut all = Fields { name: STEPS.into(), ..Fields::default() };
    for (id, action) in steps {
        if let Some(ty) = RESULTS.get(action) {
            put(&mut all, &path_of(id), ty.clone());
        }
    }
    Type::Object(Arc::new(all))
}

fn put(fields: &mut Fields, path: &str, ty: Type) {
    let Some((head, rest)) = path.split_once('.') else {
        fields.fields.insert(path.to_string(), ty);
        return;
    };
    let inner = fields.fields.entry(head.to_string()).or_insert_with(|| Type::object(STEPS, []));
    if let Type::Object(inner) = inner {
        put(Arc::make_mut(inner), rest, ty);
    }
}

/// The value of [`STEPS`]: what each step found out, by its id.
pub fn results_by_step<'a>(results: impl Iterator<Item = (&'a String, &'a Json)>) -> Json {
    let mut all = Map::new();
    for (id, found) in results {
        let mut at = &mut all;
        let path = path_of(id);
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                at.insert(part.to_string(), found.clone());
                break;
            }
            match at.entry(part).or_insert_with(|| Json::Object(Map::new())) {
                Json::Object(inner) => at = inner,
                _ => break,
            }
        }
    }
    Json::Object(all)
}

/// The names of an included runbook's steps as the including one reads them.
pub(super) fn below(bindings: Bindings, parent: &str) -> Bindings {
    let path = format!("{STEPS}.{}", path_of(parent));
    let inner = results_types([(parent, "service.open")].into_iter());
    match expr::check(&path, &Types::new().with(STEPS, inner), None) {
        Ok(name) => bindings.with(STEPS, &name),
        Err(_) => bindings,
    }
}

/// Why the results of a step can't be read.
enum Why {
    /// Its turn has not come.
    Later,
    /// Nobody can say what it does.
    NotValid,
}

/// Which results can be read, while the steps of a runbook are read one after another.
pub(super) struct Results {
    /// Id and action of the steps taken so far.
    taken: Vec<(String, String)>,
    /// Why the results of the others can't be read, by their ids.
    barred: BTreeMap<String, Why>,
}

impl Results {
    /// Before the first step.
    pub fn new(r: &Reader<'_>) -> Self {
        let ids = (0..r.count("/steps")).filter_map(|i| r.text(&format!("/steps/{i}/id")));
        Self { taken: Vec::new(), barred: ids.map(|id| (id, Why::Later)).collect() }
    }

    /// The step `id` has been taken: it came to these steps, id and action. None: it is not valid itself.
    pub fn taken<'a>(&mut self, id: &str, steps: impl Iterator<Item = (&'a str, &'a str)>) {
        let before = self.taken.len();
        let known = steps.filter(|(_, action)| RESULTS.contains_key(*action));
        self.taken.extend(known.map(|(id, action)| (id.to_string(), action.to_string())));
        if self.taken.len() > before {
            self.barred.remove(id);
        } else {
            self.barred.insert(id.to_string(), Why::NotValid);
        }
    }

    /// The vocabulary with the results of the steps taken so far.
    pub fn so_far(&self, types: &Types) -> Types {
        let steps = self.taken.iter().map(|(id, action)| (id.as_str(), action.as_str()));
        let mut types = types.clone().with(STEPS, results_types(steps));
        for (id, why) in &self.barred {
            let (message, hint) = match why {
                Why::Later => (
                    format!("step `{id}` has found nothing out yet here"),
                    "what comes after it can read it: its own `after` gates, later steps, `recovered`",
                ),
                Why::NotValid => {
                    (format!("what step `{id}` finds out is not known"), "its `do` is not valid: mend that first")
                }
            };
            types = types.barred(format!("{STEPS}.{}", path_of(id)), message, hint);
        }
        types
    }

    /// The vocabulary of a place where no results can be read.
    pub fn none(&self, types: &Types, because: &str) -> Types {
        let hint = "it can be read in gates after that step, in titles and in `recovered`";
        types.clone().barred(STEPS, because, hint)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::super::{Source, load};
    use super::*;
    use crate::expr::Truth;
    use serde_json::json;

    const GOOD: &str = r#"version: 1
runbook: mine
title: Start it again
risk: low
require:
  - that: server.keys > 0
steps:
  - id: stop-it
    title: Stop it
    do: { service.stop: {} }
  - id: start
    title: "Start it, it was ${steps.stop_it.was}"
    do: { service.start: { timeout: 5m } }
    before:
      - that: steps.stop_it.was == "running"
    after:
      - that: steps.start.loaded_keys > 7
        because: "${steps.start.loaded_keys} keys are too few"
  - id: open
    title: Open it
    do: { service.open: {} }
recovered:
  - that: steps.start.load_seconds < 30s && has(steps.stop_it.memory)
"#;

    fn nothing(_: &str) -> Option<Source> {
        None
    }

    /// `line:column message | hint` of each error of the good one with a part exchanged.
    fn wrong(from: &str, to: &str) -> Vec<String> {
        assert!(GOOD.contains(from), "{from}");
        let errors = load(&GOOD.replacen(from, to, 1), "mine.yaml", &nothing).unwrap_err();
        errors
            .iter()
            .map(|d| format!("{}:{} {} | {}", d.line, d.column, d.message, d.hint.clone().unwrap_or_default()))
            .collect()
    }

    #[test]
    fn gates_titles_and_reasons_read_what_steps_found_out() {
        let book = load(GOOD, "mine.yaml", &nothing)
            .unwrap_or_else(|d| panic!("{}", crate::yaml::render(&d, "mine.yaml", GOOD)));
        let found =
            [("stop-it".to_string(), json!({"was": "running"})), ("start".to_string(), json!({"loaded_keys": 9}))];
        let scope = json!({ STEPS: results_by_step(found.iter().map(|(k, v)| (k, v))) });
        let start = &book.steps[1];
        assert_eq!(start.before[0].truth(&scope), Truth::True);
        assert_eq!(start.after[0].truth(&scope), Truth::True);
        assert_eq!(start.title.show(&scope), "Start it, it was running");
        // one that left nothing, as a step that was skipped
        assert!(matches!(start.after[0].truth(&json!({ STEPS: { "start": null } })), Truth::Unknown(_)));
        assert!(matches!(book.recovered[0].truth(&scope), Truth::Unknown(_) | Truth::False));
    }

    #[test]
    fn unknown_names_and_wrong_types_are_told_with_their_place() {
        assert_eq!(
            wrong("steps.stop_it.was ==", "steps.stop_in.was =="),
            ["15:21 `steps` has no `stop_in` | did you mean `steps.stop_it`?"]
        );
        let hyphen = wrong("steps.stop_it.was ==", "steps.stop-it.was ==");
        assert_eq!(hyphen[0], "15:21 `steps` has no `stop` | did you mean `steps.stop_it`?");
        assert_eq!(
            wrong("loaded_keys > 7", "loaded_key > 7"),
            ["17:27 `steps.start` has no `loaded_key` | did you mean `steps.start.loaded_keys`?"]
        );
        assert_eq!(
            wrong("loaded_keys > 7", "loaded_keys > 7MB"),
            ["17:15 a whole number can't be compared with a size | "]
        );
        assert_eq!(
            wrong("== \"running\"", "== \"runing\""),
            ["15:36 \"runing\" is not a word of `Was` | did you mean \"running\"? the words are \"running\", \"down\""]
        );
        assert_eq!(
            wrong("${steps.start.loaded_keys} keys", "${steps.start.keys} keys"),
            ["18:33 `steps.start` has no `keys` | it has fenced, load_seconds, loaded_keys, pid, run_id"]
        );
        assert_eq!(
            wrong("load_seconds < 30s", "log_from < 30"),
            ["23:23 `steps.start` has no `log_from` | it has fenced, load_seconds, loaded_keys, pid, run_id"]
        );
        assert_eq!(
            wrong("load_seconds < 30s", "load_seconds < 30s && steps.open.x"),
            ["23:56 `steps.open` has no `x` | it has nothing that could be read"]
        );
    }

    #[test]
    fn what_is_not_known_yet_can_not_be_read() {
        let later = "has found nothing out yet here | what comes after it can read it: its own `after` gates, later \
                     steps, `recovered`";
        let planned =
            "what a step finds out is not known yet: this is settled when the plan is made, before any step is taken";
        let hint = " | it can be read in gates after that step, in titles and in `recovered`";
        assert_eq!(
            wrong("steps.stop_it.was ==", "steps.start.loaded_keys > 1 && steps.stop_it.was =="),
            [format!("15:15 step `start` {later}")]
        );
        assert_eq!(wrong("steps.start.loaded_keys > 7", "has(steps.open)"), [format!("17:19 step `open` {later}")]);
        assert_eq!(wrong("${steps.stop_it.was}", "${steps.start.fenced}"), [format!("12:32 step `start` {later}")]);
        assert_eq!(
            wrong("server.keys > 0", "steps.start.loaded_keys > 0"),
            [format!("6:11 no step has been taken when this is asked{hint}")]
        );
        assert_eq!(wrong("timeout: 5m", "timeout: \"${steps.stop_it.was}\""), [format!("13:40 {planned}{hint}")]);
        assert_eq!(
            wrong("    before:\n", "    if: steps.stop_it.was == \"down\"\n    before:\n"),
            [format!("14:9 {planned}{hint}")]
        );
        let cause = wrong("service.stop: {}", "service.stpo: {}");
        assert_eq!(cause[0], "10:11 unknown key `service.stpo` in `do` | did you mean `service.stop`?");
        let follows = "12:32 what step `stop-it` finds out is not known | its `do` is not valid: mend that first";
        assert_eq!(cause[1], follows);
    }

    const OUTER: &str = r#"version: 1
runbook: outer
title: Around it
risk: low
steps:
  - id: the-inner
    title: The other one
    do: { runbook: { id: mine } }
    after:
      - that: steps.the_inner.start.fenced
  - id: tell
    title: Tell
    do: { run: { argv: [/bin/true] } }
    before:
      - that: steps.the_inner.stop_it.was == "running"
recovered:
  - that: steps.tell.stdout == ""
"#;

    #[test]
    fn an_included_runbook_is_read_from_inside_and_outside() {
        let find = |id: &str| (id == "mine").then(|| Source::new("mine.yaml", GOOD));
        let book = load(OUTER, "outer.yaml", &find)
            .unwrap_or_else(|d| panic!("{}", crate::yaml::render(&d, "outer.yaml", OUTER)));
        assert_eq!(book.steps[1].before[0].that.source(), "steps.the_inner.stop_it.was == \"running\"");
        let after: Vec<&str> = book.steps[2].after.iter().map(|g| g.that.source()).collect();
        assert_eq!(
            after,
            [
                "(steps.the_inner.start.load_seconds < 30000ms) && has(steps.the_inner.stop_it.memory)",
                "steps.the_inner.start.fenced"
            ]
        );
        let scope = json!({ STEPS: results_by_step([("the-inner.start".to_string(), json!({"fenced": true}))].iter().map(|(k, v)| (k, v))) });
        assert_eq!(book.steps[2].after[1].truth(&scope), Truth::True);
        let early = OUTER.replace("    after:\n", "    before:\n");
        let errors = load(&early, "outer.yaml", &find).unwrap_err();
        assert_eq!(
            format!("{}:{} {}", errors[0].line, errors[0].column, errors[0].message),
            "10:15 step `the-inner` has found nothing out yet here"
        );
    }

    #[test]
    fn what_is_known_is_put_in_once_and_results_later() {
        let book = load(&GOOD.replace("it was ${", "${server.version} was ${"), "mine.yaml", &nothing).unwrap();
        let title = book.steps[1].title.settled(&json!({"server": {"version": "${steps.start.pid}"}}), STEPS);
        assert_eq!(title, "Start it, $${steps.start.pid} was ${steps.stop_it.was}");
    }
}
