//! A plan as a page for a change ticket: what and why, each step with its changes and undo, what can't be taken back, how
//! long it takes, and who may approve it.
use super::plan::changed;
use super::sheet::{Bar, Block, Gauge, Mark, Mood, Phrase, Sheet, Timeline, Word, code, plain};
use super::words::{loss, number};
use crate::facts::Cut;
use crate::facts::{Seconds, Time};
use crate::plan::{Difference, Plan, PlanChange, PlannedStep};
use crate::runbook::Risk;
use serde_json::Value;
use std::time::Duration;

/// Who may let a plan run, by what the config says of its instance.
#[derive(Debug, Clone, Default)]
pub struct Approval {
    /// Time to recovery, as it is wished.
    pub rto: Option<Seconds>,
    /// Data-loss window, as it is wished.
    pub rpo: Option<Seconds>,
    /// Why `--auto` must leave it to a person; none where nobody knows the policy.
    pub beyond: Option<Vec<String>>,
    /// Whom to ask.
    pub contact: Option<String>,
    /// The command that carries it out.
    pub apply: String,
}

/// The whole page.
#[must_use]
pub fn plan_sheet(p: &Plan, by: &Approval) -> Sheet {
    let mood = match p.risk {
        Risk::Low => Mood::Good,
        Risk::Medium => Mood::Fair,
        Risk::High => Mood::Bad,
    };
    let title = format!("Plan: {} on {}", p.runbook, p.instance);
    let mut sheet = Sheet::new(title, format!("risk: {}", p.risk), mood, &p.title);
    sheet.part("", vec![head(p)]);
    if !p.because.is_empty() {
        sheet.part("Why", vec![Block::Text { words: plain(&p.because) }]);
    }
    let gauge = |name: &str, value, target| Gauge { name: name.into(), value, target };
    let gauges = vec![
        gauge("Expected until clients are served (RTO)", p.estimate.downtime_seconds, by.rto),
        gauge("Data lost (RPO)", p.estimate.loss_seconds, by.rpo),
    ];
    sheet.part("Against the objectives", vec![Block::Gauges { gauges }]);
    sheet.part("How long it takes", vec![Block::Timeline { timeline: timeline(p) }]);
    sheet.part("What is lost", lost(p));
    sheet.part("Steps", steps(p));
    sheet.part("What can't be taken back", risks(p));
    sheet.part("Recovered when", recovered(p));
    sheet.part("Who may approve", approval(p, by));
    sheet.part("Facts it relies on", relies(p));
    sheet
}

fn head(p: &Plan) -> Block {
    let mut rows = vec![
        ("instance".to_string(), plain(format!("{}, {} on {}", p.instance, p.site.address, p.fingerprint.host))),
        ("data directory".into(), code(p.site.data_dir.display().to_string())),
        ("runbook".into(), code(&p.runbook)),
    ];
    if let Some(point) = p.recovery_point() {
        let said = [code(&point.id), plain(" from "), code(&point.source)].concat();
        rows.push(("recovery point".into(), said));
        rows.push(("data lost".into(), plain(loss(point))));
    }
    let copies = format!("{} of disk", p.estimate.copy_bytes);
    let left = p.estimate.free_bytes_after.map_or(String::new(), |free| format!(", {free} stay free"));
    rows.push(("safety copies".into(), plain(format!("{copies}{left}"))));
    rows.push(("made".into(), plain(p.made_at.to_string())));
    rows.push(("digest".into(), code(&p.digest)));
    Block::Values { rows }
}

fn timeline(p: &Plan) -> Timeline {
    let mut at = p.made_at;
    let (mut bars, mut marks) = (Vec::new(), Vec::new());
    for (step, took) in p.expected() {
        bars.push(Bar { name: step.id.clone(), outcome: "done".into(), from: at, took });
        at = after(at, took);
        if p.point_of_no_return.as_deref() == Some(&step.id) {
            marks.push(Mark { name: "clients may write".into(), at });
        }
    }
    let about = "Expected from sizes and careful rates; what waits for a person is not in it".to_string();
    Timeline { about, from: p.made_at, to: at, before: None, bars, marks, estimated: true }
}

fn after(at: Time, took: Seconds) -> Time {
    at.0.checked_add(Duration::from_secs_f64(took.0.max(0.0))).map_or(at, Time)
}

fn lost(p: &Plan) -> Vec<Block> {
    let Some(cut) = p.recovery_point().and_then(|point| point.cut.as_ref()) else { return vec![] };
    let said = [plain(format!("{} of ", cut.bytes_lost)), code(&cut.file), plain(format!(": {}", commands_after(cut)))];
    let items: Vec<_> = cut.preview.iter().map(|line| (code(line), vec![])).collect();
    let mut out = vec![Block::Text { words: said.concat() }];
    if !items.is_empty() {
        out.push(Block::List { numbered: false, items });
    }
    out
}

fn commands_after(cut: &Cut) -> String {
    if !cut.left_out.is_empty() {
        return format!("only {} is left out, what came after it is kept", super::clean(&cut.before));
    }
    if cut.only_incomplete {
        return "an incomplete command or transaction, nothing that was whole".into();
    }
    let lost = match cut.commands_lost {
        0 => "no whole command is lost".to_string(),
        1 => "1 whole command is lost".into(),
        n => format!("{} whole commands are lost", number(n)),
    };
    match cut.commands_after_damage {
        0 => lost,
        n => format!("{lost}, {} of them behind the damage", number(n)),
    }
}

fn steps(p: &Plan) -> Vec<Block> {
    let items = p.steps.iter().map(|s| (title(s), lines(p, s))).collect();
    vec![Block::List { numbered: true, items }]
}

fn title(step: &PlannedStep) -> Phrase {
    [vec![Word::Strong(super::clean(&step.id))], plain(format!(": {}", step.title))].concat()
}

fn lines(p: &Plan, step: &PlannedStep) -> Vec<Phrase> {
    if let Some(reason) = step.skipped() {
        return vec![plain(format!("left out: {reason}"))];
    }
    let mut out = vec![[plain("does "), code(&step.action)].concat()];
    out.extend(step.changes.iter().map(|c| plain(changed(c))));
    for copy in &step.safety_copies {
        let size = copy.bytes.map_or(String::new(), |b| format!(", {b}"));
        out.push([plain("saved first: "), code(&copy.path), plain(format!(" ({}{size})", copy.how))].concat());
    }
    let gate = |when: &str, that: &str| [plain(when), code(that)].concat();
    out.extend(step.gates.iter().map(|g| gate("only if ", &g.that)));
    out.extend(step.gates_after.iter().map(|g| gate("afterwards ", &g.that)));
    if !step.changes.is_empty() {
        out.push(plain(format!("undo: {}", step.undo)));
    }
    if p.point_of_no_return.as_deref() == Some(&step.id) {
        out.push(vec![Word::Strong("point of no return for --auto".into())]);
    }
    out
}

/// The point of no return, and steps whose undo is not possible.
fn risks(p: &Plan) -> Vec<Block> {
    let mut items: Vec<(Phrase, Vec<Phrase>)> = Vec::new();
    if let Some(step) = &p.point_of_no_return {
        let after = " clients may write; rolling back then loses what they wrote, and asks a person first";
        items.push(([plain("after "), code(step), plain(after)].concat(), vec![]));
    }
    for step in p.steps.iter().filter(|s| s.skipped().is_none() && (s.undo.starts_with("none") || s.undo == "by hand"))
    {
        items.push(([code(&step.id), plain(format!(": {}", step.undo))].concat(), vec![]));
    }
    if items.is_empty() {
        return vec![Block::Text { words: plain("Nothing: every step can be undone.") }];
    }
    vec![Block::List { numbered: false, items }]
}

fn recovered(p: &Plan) -> Vec<Block> {
    let mut items: Vec<(Phrase, Vec<Phrase>)> = p.recovered.iter().map(|g| (code(&g.that), vec![])).collect();
    items.push((plain("it takes a write, and what is on disk would load the same"), vec![]));
    vec![Block::List { numbered: false, items }]
}

fn approval(p: &Plan, by: &Approval) -> Vec<Block> {
    let mut items: Vec<(Phrase, Vec<Phrase>)> = Vec::new();
    match &by.beyond {
        None => items.push((plain("the policy of this instance is not known here"), vec![])),
        Some(beyond) if beyond.is_empty() => {
            items.push((plain("inside the policy of this instance: --auto may carry it out"), vec![]));
        }
        Some(beyond) => {
            let why = beyond.iter().map(plain).collect();
            items.push((plain("outside the policy of --auto: a person has to type the instance's name"), why));
        }
    }
    if let Some(contact) = &by.contact {
        items.push((plain(format!("contact: {contact}")), vec![]));
    }
    let mut out = vec![Block::List { numbered: false, items }];
    if !by.apply.is_empty() {
        let what = format!("To carry out the plan {}", p.digest.get(..12).unwrap_or(&p.digest));
        out.push(Block::Commands { lines: vec![(what, by.apply.clone())] });
    }
    out
}

fn relies(p: &Plan) -> Vec<Block> {
    let f = &p.fingerprint;
    let mut rows = vec![
        ("host".to_string(), plain(&f.host)),
        ("role".into(), plain(&f.role)),
        ("server".into(), plain(&f.run_id)),
        ("version".into(), plain(&f.version)),
    ];
    rows.extend(f.paths.iter().map(|(name, path)| (name.clone(), code(path))));
    let files: Vec<(Phrase, Vec<Phrase>)> = f.files.iter().map(|m| (code(&m.path), vec![])).collect();
    let mut out = vec![
        Block::Text { words: plain("apply refuses (exit 5) when any of these has moved.") },
        Block::Values { rows },
    ];
    if !files.is_empty() {
        out.push(Block::Folded {
            summary: "Files it reads or changes".into(),
            blocks: vec![Block::List { numbered: false, items: files }],
        });
    }
    out
}

/// What is different between two plans.
#[must_use]
pub fn difference_sheet(d: &Difference) -> Sheet {
    let verdict = if d.changes.is_empty() { "the same" } else { "different" };
    let mood = if d.changes.is_empty() { Mood::Good } else { Mood::Fair };
    let mut sheet = Sheet::new(format!("Plan for {} against an earlier one", d.instance), verdict, mood, "");
    let row = |c: &PlanChange| (false, vec![plain(&c.place), said(&c.was), said(&c.is)]);
    let head = ["what", "was", "is"].map(String::from).to_vec();
    let rows: Vec<_> = d.changes.iter().filter(|c| !c.is_ground()).map(row).collect();
    if !rows.is_empty() {
        sheet.part("", vec![Block::Table { about: "What is different".into(), head, rows }]);
    }
    let moved = moved(d);
    if !moved.is_empty() {
        let items = moved.into_iter().map(|(place, what)| ([plain(&place), plain(&what)].concat(), vec![])).collect();
        sheet.part("What it relies on has moved", vec![Block::List { numbered: false, items }]);
    }
    sheet
}

/// What moved of the ground a plan stands on: each thing once, with which of its values.
fn moved(d: &Difference) -> Vec<(String, String)> {
    let mut out: Vec<(String, Vec<String>)> = Vec::new();
    for change in d.changes.iter().filter(|c| c.is_ground()) {
        let (place, value) = change.place.rsplit_once(": ").unwrap_or((&change.place, ""));
        let place = place.split_once(": ").map_or(place, |(_, rest)| rest).to_string();
        match out.iter_mut().find(|(have, _)| *have == place) {
            Some((_, values)) => values.push(value.into()),
            None => out.push((place, vec![value.into()])),
        }
    }
    out.into_iter().map(|(place, values)| (place, format!(" ({})", values.join(", ")))).collect()
}

/// The same, a line for each change.
#[must_use]
pub fn difference(d: &Difference, width: super::Width) -> String {
    if d.changes.is_empty() {
        return format!("The plan for {} says the same as the earlier one.\n", super::clean(&d.instance));
    }
    let mut out = format!("The plan for {} is different from the earlier one:\n", super::clean(&d.instance));
    for c in d.changes.iter().filter(|c| !c.is_ground()) {
        let [was, is] = [&c.was, &c.is].map(|v| said(v).iter().map(Word::text).collect::<String>());
        out.push_str(&format!("  {}: was {was}, is {is}\n", super::clean(&c.place)));
    }
    let moved = moved(d);
    if !moved.is_empty() {
        out.push_str("What it relies on has moved (--json has the values):\n");
        for (place, what) in moved {
            out.push_str(&format!("  {}{}\n", super::clean(&place), super::clean(&what)));
        }
    }
    width.wrap(&out)
}

/// A value of a plan, short.
fn said(value: &Value) -> Phrase {
    const LONGEST: usize = 90;
    match value {
        Value::Null => plain("nothing"),
        Value::Object(map) if map.contains_key("do") => {
            plain(map.get("title").and_then(Value::as_str).unwrap_or("a step"))
        }
        Value::Object(map) if map.contains_key("that") => {
            code(map.get("that").and_then(Value::as_str).unwrap_or("a gate"))
        }
        other => {
            let text = other.as_str().map_or_else(|| other.to_string(), String::from);
            let cut = if text.chars().count() > LONGEST { "…" } else { "" };
            code(format!("{}{cut}", text.chars().take(LONGEST).collect::<String>()))
        }
    }
}
