//! The JSON documents whose schema is printed: `redis-dr explain redis-dr/plan/1`.
use super::{aof, aof_tag, lint, pause, points};
use schemars::{JsonSchema, schema_for};
use serde_json::Value;

/// A document: its name, what it is, its schema.
pub(super) struct Document {
    /// Name and version, as under `schema`.
    pub name: &'static str,
    /// What it is, and which command prints it.
    pub what: &'static str,
    schema: fn() -> Value,
}

fn of<T: JsonSchema>() -> Value {
    schema_for!(T).to_value()
}

/// All of them, by name.
pub(super) const DOCUMENTS: &[Document] = &[
    Document {
        name: "redis-dr/aof-cut/1",
        what: "aof cut: the copy, and what is not in it",
        schema: of::<aof::Document>,
    },
    Document { name: "redis-dr/aof-tag/1", what: "aof tag: the mark", schema: of::<aof_tag::Document> },
    Document {
        name: "redis-dr/assessment/1",
        what: "assess: facts, findings, points, decision",
        schema: of::<crate::facts::Assessment>,
    },
    Document {
        name: "redis-dr/difference/1",
        what: "inspect --diff: which keys two files differ in",
        schema: of::<crate::inspect::difference::Difference>,
    },
    Document {
        name: "redis-dr/drill/1",
        what: "drill run, drill report: the scorecards",
        schema: crate::report::drill_document_schema,
    },
    Document {
        name: "redis-dr/inspection/1",
        what: "inspect: what is in a file",
        schema: of::<crate::inspect::Inspection>,
    },
    Document {
        name: "redis-dr/lint/1",
        what: "runbook lint, playbook lint: the mistakes",
        schema: of::<lint::Document<'_>>,
    },
    Document { name: "redis-dr/pause/1", what: "pause: the mark", schema: of::<pause::Document> },
    Document {
        name: "redis-dr/plan/1",
        what: "plan: the steps, and the facts they rely on",
        schema: of::<crate::plan::Plan>,
    },
    Document {
        name: "redis-dr/plan-difference/1",
        what: "plan --diff: what is different from an earlier plan",
        schema: of::<crate::plan::Difference>,
    },
    Document {
        name: "redis-dr/points/1",
        what: "points: the recovery points, and the moments of the AOF",
        schema: of::<points::Document>,
    },
    Document {
        name: "redis-dr/run/1",
        what: "recover, apply, runs resume, rollback and show: how it went",
        schema: of::<crate::report::RunDocument>,
    },
    Document { name: "redis-dr/runs/1", what: "runs list", schema: of::<crate::report::RunsDocument> },
    Document {
        name: "redis-dr/salvage/1",
        what: "inspect --salvage: what was had, and where the holes are",
        schema: of::<crate::inspect::salvage::Salvage>,
    },
    Document { name: "redis-dr/verify/1", what: "verify: the comparisons", schema: of::<crate::verify::Verification> },
];

impl Document {
    /// Its JSON schema.
    pub fn schema(&self) -> Value {
        (self.schema)()
    }
}

/// The document of this name.
pub(super) fn named(name: &str) -> Option<&'static Document> {
    DOCUMENTS.iter().find(|d| d.name == name)
}
