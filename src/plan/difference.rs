//! What is different between two plans for the same instance.
use super::Plan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Two plans beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// redis-dr/plan-difference/1
    pub schema: String,
    /// Which instance.
    pub instance: String,
    /// The digest of the earlier plan.
    pub earlier: String,
    /// The digest of the later plan.
    pub later: String,
    /// What is different; empty when both say the same.
    pub changes: Vec<PlanChange>,
}

/// One thing that is different.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanChange {
    /// Where in the plan: `runbook`, `step place: with: from`, `fingerprint: files: /var/lib/redis/dump.rdb: size`.
    pub place: String,
    /// What the earlier plan says; null where it says nothing.
    pub was: Value,
    /// What the later plan says; null where it says nothing.
    pub is: Value,
}

/// What two plans differ in by nature, which says nothing about what they do.
const MADE: [&str; 3] = ["schema", "digest", "made_at"];

/// What a plan was made from, rather than what it does.
const GROUND: [&str; 2] = ["fingerprint", "site"];

impl PlanChange {
    /// Is it something that the plan relies on, rather than something that it does?
    #[must_use]
    pub fn is_ground(&self) -> bool {
        GROUND.iter().any(|part| self.place.split(':').next() == Some(part))
    }
}

impl Plan {
    /// What is different from an earlier plan.
    #[must_use]
    pub fn difference(&self, earlier: &Plan) -> Difference {
        let [was, is] = [earlier, self].map(|plan| serde_json::to_value(plan).unwrap_or_default());
        let mut changes = Vec::new();
        let keys = keys(&was, &is);
        for key in keys.iter().filter(|k| !MADE.contains(&k.as_str())) {
            let place = if key == "steps" { "step" } else { key.as_str() };
            compare(&mut changes, place, &was[key], &is[key]);
        }
        // free space moves all the time, and `apply` does not mind either
        changes.retain(|c| c.place != "estimate: free_bytes_after");
        // what is done comes first, then what it rests on
        changes.sort_by_key(PlanChange::is_ground);
        Difference {
            schema: "redis-dr/plan-difference/1".into(),
            instance: self.instance.clone(),
            earlier: earlier.digest.clone(),
            later: self.digest.clone(),
            changes,
        }
    }
}

/// Goes down where both have named parts, and says what is different there.
fn compare(changes: &mut Vec<PlanChange>, place: &str, was: &Value, is: &Value) {
    if was == is {
        return;
    }
    let (named_was, named_is) = (named(was), named(is));
    let (Some(a), Some(b)) = (named_was, named_is) else {
        changes.push(PlanChange { place: place.into(), was: was.clone(), is: is.clone() });
        return;
    };
    let (a, b) = (Value::Object(a), Value::Object(b));
    let same_parts = keys(&a, &b);
    let before = changes.len();
    for key in &same_parts {
        let between = if place == "step" { " " } else { ": " };
        compare(changes, &format!("{place}{between}{key}"), &a[key], &b[key]);
    }
    if changes.len() == before {
        let order =
            |v: &Value| v.as_array().map(|all| all.iter().filter_map(name).map(Value::from).collect::<Vec<_>>());
        let (was, is) = (order(was).unwrap_or_default().into(), order(is).unwrap_or_default().into());
        changes.push(PlanChange { place: format!("{place}: order"), was, is });
    }
}

/// A value's parts by name: those of an object, and those of a list whose elements all have a name of their own.
fn named(value: &Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map.clone()),
        Value::Array(all) => {
            let parts: Map<String, Value> =
                all.iter().map(|v| Some((name(v)?.to_string(), v.clone()))).collect::<Option<_>>()?;
            (parts.len() == all.len()).then_some(parts)
        }
        _ => None,
    }
}

fn name(value: &Value) -> Option<&str> {
    ["id", "path", "that", "what"].iter().find_map(|key| value.get(key)?.as_str())
}

fn keys(a: &Value, b: &Value) -> BTreeSet<String> {
    [a, b].into_iter().filter_map(Value::as_object).flat_map(|map| map.keys().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(was: &Value, is: &Value) -> Vec<String> {
        let mut changes = Vec::new();
        compare(&mut changes, "step", was, is);
        changes.iter().map(|c| format!("{}: {} -> {}", c.place, c.was, c.is)).collect()
    }

    #[test]
    fn steps_are_compared_by_their_ids() {
        let was = json!([{ "id": "stop", "with": { "save": false } }, { "id": "place", "with": {} }]);
        let is = json!([{ "id": "stop", "with": { "save": true } }, { "id": "seed", "with": {} }]);
        assert_eq!(
            told(&was, &is),
            [
                r#"step place: {"id":"place","with":{}} -> null"#,
                r#"step seed: null -> {"id":"seed","with":{}}"#,
                "step stop: with: save: false -> true",
            ]
        );
        assert!(told(&was, &was).is_empty());
    }

    #[test]
    fn another_order_is_told() {
        let was = json!([{ "id": "a" }, { "id": "b" }]);
        let is = json!([{ "id": "b" }, { "id": "a" }]);
        assert_eq!(told(&was, &is), [r#"step: order: ["a","b"] -> ["b","a"]"#]);
    }

    #[test]
    fn lists_without_names_are_compared_as_a_whole() {
        assert_eq!(told(&json!({ "a": [1, 2] }), &json!({ "a": [1, 3] })), ["step a: [1,2] -> [1,3]"]);
    }
}
