//! A run as a report: what happened, why this way was chosen, what was changed, where the copies are, how to undo it.
use super::run::titles;
use super::sheet::{Bar, Before, Block, Gauge, Mark, Mood, Phrase, Sheet, Timeline, Word, code, plain};
use super::words::{found, lost, number};
use super::{RunDocument, RunOutcome};
use crate::facts::{Assessment, Decision, Point, RuleVerdict, Seconds, Time};
use crate::plan::{Gate, Plan};

/// What the report of a run tells beside the run itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Background<'a> {
    /// What was seen before it began; objectives are those of then.
    pub assessment: Option<&'a Assessment>,
    /// Runs on the same instance up to this one, oldest first.
    pub earlier: &'a [RunDocument],
}

/// What was run on what, when, and what it cost: names and values.
pub(super) fn rows(d: &RunDocument, plan: &Plan) -> Vec<(&'static str, String)> {
    let time = |t: Option<Time>, none: &str| t.map_or(none.to_string(), |t| t.to_string());
    let unknown = || "unknown".to_string();
    vec![
        ("run", d.run_id.clone().unwrap_or_else(|| "none".into())),
        ("runbook", plan.runbook.clone()),
        ("recovery point", d.point.clone().unwrap_or_else(|| "none".into())),
        ("started", time(d.started_at, "unknown")),
        ("clients could write again", time(d.opened_at, "not yet")),
        ("ended", time(d.ended_at, "unknown")),
        ("downtime under repair", d.downtime_seconds.map_or_else(unknown, |t| t.to_string())),
        ("data lost", d.loss_seconds.map_or_else(unknown, lost)),
        ("gates passed", d.gates.passed.to_string()),
    ]
}

/// The whole report.
#[must_use]
pub fn run_sheet(d: &RunDocument, plan: &Plan, about: Background<'_>) -> Sheet {
    let mood = match d.outcome {
        RunOutcome::Recovered | RunOutcome::Healthy => Mood::Good,
        RunOutcome::Failed | RunOutcome::Stuck => Mood::Bad,
        _ => Mood::Fair,
    };
    let mut sheet = Sheet::new(&d.instance, d.outcome.word().replace('_', " "), mood, "");
    let mut head = vec![values(&rows(d, plan))];
    if !d.because.is_empty() {
        head.push(Block::Text { words: [strong("Because: "), plain(&d.because)].concat() });
    }
    sheet.part("", head);
    if let Some(a) = about.assessment {
        sheet.part("Against the objectives", vec![gauges(d, a)]);
    }
    sheet.part("What happened when", timeline(d, about.assessment).into_iter().collect());
    sheet.part("Why this way", why(d, plan));
    sheet.part("What was found", findings(d));
    if let Some(a) = about.assessment {
        sheet.part("Recovery points", points(&a.points, d.point.as_deref()).into_iter().collect());
    }
    sheet.part("Steps", steps(d, plan));
    sheet.part("What was cut", cut(plan));
    sheet.part("Changed", changed(d));
    let items = d.by_hand.iter().map(|line| (plain(line), vec![])).collect::<Vec<_>>();
    if !items.is_empty() {
        sheet.part("To do by hand", vec![Block::List { numbered: true, items }]);
    }
    sheet.part("Copies, and the way back", back(d));
    sheet.part("Earlier runs", earlier(about));
    sheet
}

fn values(rows: &[(&str, String)]) -> Block {
    Block::Values { rows: rows.iter().map(|(name, value)| ((*name).to_string(), plain(value))).collect() }
}

fn strong(text: &str) -> Phrase {
    vec![Word::Strong(text.trim_end().into()), Word::Plain(" ".into())]
}

/// From the moment the server went down, where that is known, else from the run's begin.
fn gauges(d: &RunDocument, a: &Assessment) -> Block {
    let objectives = &a.facts.instance;
    let since = a.facts.process.down_since.filter(|_| a.facts.process.down_exactly == Some(true)).or(d.started_at);
    let recovery = d.opened_at.zip(since).map(|(open, down)| Seconds(open.since(down).0.max(0.0)));
    let gauge = |name: &str, value, target| Gauge { name: name.into(), value, target };
    Block::Gauges {
        gauges: vec![
            gauge("Time to recovery (RTO)", recovery, objectives.rto),
            gauge("Data lost (RPO)", d.loss_seconds, objectives.rpo),
        ],
    }
}

/// The incident, its detection, each step, and when clients were served; none where nothing ran.
fn timeline(d: &RunDocument, a: Option<&Assessment>) -> Option<Block> {
    let (from, to) = (d.started_at?, d.ended_at?);
    // the look at the instance ended when the run began
    let looked = a.map_or(from, |a| a.taken_at.min(from));
    let before = a.and_then(|a| a.facts.process.down_since).map(|since| Before { name: "down".into(), since });
    let bars = d.steps.iter().filter_map(|s| {
        let took = s.seconds.unwrap_or(Seconds(0.0));
        Some(Bar { name: s.id.clone(), outcome: s.outcome.replace('_', " "), from: s.started_at?, took })
    });
    let mark = |name: &str, at: Option<Time>| at.map(|at| Mark { name: name.into(), at });
    let marks = [
        mark("looked at", Some(looked)),
        mark("run begins", Some(from)),
        mark("serving: clients may write", d.opened_at),
        mark(if d.outcome == RunOutcome::Recovered { "proved" } else { "run ends" }, Some(to)),
    ];
    let about = format!("The run on {} from its begin to its end", super::clean(&d.instance));
    let timeline = Timeline {
        about,
        from: looked,
        to,
        before,
        bars: bars.collect(),
        marks: marks.into_iter().flatten().collect(),
        estimated: false,
    };
    Some(Block::Timeline { timeline })
}

fn findings(d: &RunDocument) -> Vec<Block> {
    let items: Vec<(Phrase, Vec<Phrase>)> = d
        .findings
        .iter()
        .map(|f| {
            let severity = format!("{:?}: ", f.severity).to_lowercase();
            let said = [plain(severity), code(f.id.name()), plain(format!(" {}", f.title))].concat();
            (said, f.evidence.iter().map(code).collect())
        })
        .collect();
    if items.is_empty() { vec![] } else { vec![Block::List { numbered: false, items }] }
}

/// The rule that decided; of those that did not hold the number, and behind it each of them.
fn why(d: &RunDocument, plan: &Plan) -> Vec<Block> {
    let mut out = Vec::new();
    if !plan.because.is_empty() {
        out.push(Block::Text { words: plain(&plan.because) });
    }
    if let Some(decision) = &d.decision {
        out.extend(rules(decision));
    }
    out
}

fn rules(decision: &Decision) -> Vec<Block> {
    let mut items: Vec<(Phrase, Vec<Phrase>)> = Vec::new();
    let mut rejected: Vec<(bool, Vec<Phrase>)> = Vec::new();
    for rule in &decision.path {
        let (number, text) = rule.rule.split_once(": ").unwrap_or(("", rule.rule.as_str()));
        let word = match rule.verdict {
            RuleVerdict::Rejected => {
                rejected.push((false, vec![plain(number), code(text), plain(&rule.evidence)]));
                continue;
            }
            RuleVerdict::Matched => "holds",
            RuleVerdict::Unknown => "can't be told",
        };
        let said = [plain(format!("rule {number} of the playbook {word}: ")), code(text)].concat();
        items.push((said, vec![plain(&rule.evidence)]));
    }
    let count = format!("rules of {} before it that did not hold: {}", decision.playbook, rejected.len());
    items.push((plain(&count), vec![]));
    let mut out = vec![Block::List { numbered: false, items }];
    if !rejected.is_empty() {
        let head = ["rule", "condition", "what was so"].map(String::from).to_vec();
        let table = Block::Table { about: count, head, rows: rejected };
        out.push(Block::Folded { summary: "Rules that did not hold".into(), blocks: vec![table] });
    }
    out
}

/// All that data could have been had from; the one that was taken is set off.
fn points(points: &[Point], chosen: Option<&str>) -> Option<Block> {
    let rows: Vec<(bool, Vec<Phrase>)> = points
        .iter()
        .map(|p| {
            let keys = match (p.keys, p.base_keys, p.commands) {
                (Some(n), ..) => number(n),
                (None, Some(n), Some(c)) => format!("{} and {} commands", number(n), number(c)),
                _ => "unknown".into(),
            };
            let verdict = format!("{:?}", p.valid).to_lowercase();
            let back = p.recover_seconds.map_or("unknown".into(), |s| s.to_string());
            let taken = chosen == Some(p.id.as_str());
            let id = if taken { [code(&p.id), plain(" (taken)")].concat() } else { code(&p.id) };
            let at = p.as_of.map_or("unknown".into(), |t| t.to_string());
            (taken, vec![id, plain(at), plain(keys), plain(super::words::loss(p)), plain(back), plain(verdict)])
        })
        .collect();
    let head = ["point", "data as of", " keys", "loses", "back in", "its bytes"].map(String::from).to_vec();
    let about = "Recovery points, best first".to_string();
    (!rows.is_empty()).then_some(Block::Table { about, head, rows })
}

fn steps(d: &RunDocument, plan: &Plan) -> Vec<Block> {
    if d.steps.is_empty() {
        return vec![];
    }
    let mut rows = Vec::new();
    for (s, title) in d.steps.iter().zip(titles(d, plan)) {
        let time = s.seconds.map_or(String::new(), |t| format!("{:.2}", t.0));
        let because = if s.because.is_empty() { String::new() } else { format!(": {}", s.because) };
        let outcome = s.outcome.replace('_', " ");
        rows.push((false, vec![plain(&s.id), plain(outcome), plain(time), plain(format!("{title}{because}"))]));
    }
    let head = ["step", "outcome", " seconds", ""].map(String::from).to_vec();
    let mut out = vec![Block::Table { about: "Steps".into(), head, rows }];
    let told: Vec<(Phrase, Vec<Phrase>)> =
        d.steps.iter().filter_map(|s| Some((plain(format!("{}: {}", s.id, found(&s.results)?)), vec![]))).collect();
    if !told.is_empty() {
        out.push(Block::Text { words: plain("What the steps found out:") });
        out.push(Block::List { numbered: false, items: told });
    }
    let asked = gates(d, plan);
    if !asked.is_empty() {
        let blocks = vec![Block::List { numbered: false, items: asked }];
        out.push(Block::Folded { summary: "What had to hold, step by step".into(), blocks });
    }
    out
}

/// The gates of the steps that were begun, and of the run as a whole.
fn gates(d: &RunDocument, plan: &Plan) -> Vec<(Phrase, Vec<Phrase>)> {
    let that = |gates: &[Gate]| gates.iter().map(|g| code(&g.that)).collect::<Vec<_>>();
    let steps = plan.steps.iter().filter(|s| d.steps.iter().any(|row| row.id == s.id));
    let each = steps.flat_map(|s| {
        let before = (plain(format!("before {}", s.id)), that(&s.gates));
        [before, (plain(format!("after {}", s.id)), that(&s.gates_after))]
    });
    let ends = (d.outcome == RunOutcome::Recovered).then(|| (plain("at the end"), that(&plan.recovered)));
    let begins = [(plain("before anything"), that(&plan.require))];
    begins.into_iter().chain(each).chain(ends).filter(|(_, gates)| !gates.is_empty()).collect()
}

fn cut(plan: &Plan) -> Vec<Block> {
    let Some(cut) = plan.recovery_point().and_then(|p| p.cut.as_ref()) else { return vec![] };
    let at = format!(" at byte {}:", cut.offset);
    let said = [plain(format!("{} of ", cut.bytes_lost)), code(&cut.file), plain(at)].concat();
    let items = cut.preview.iter().map(|line| (code(line), vec![])).collect::<Vec<_>>();
    let mut out = vec![Block::Text { words: said }];
    if !items.is_empty() {
        out.push(Block::List { numbered: false, items });
    }
    out
}

fn changed(d: &RunDocument) -> Vec<Block> {
    let word = |c: &String| (if c.starts_with('/') { code(c) } else { plain(c) }, vec![]);
    let items: Vec<_> = d.changed.iter().map(word).collect();
    if items.is_empty() { vec![] } else { vec![Block::List { numbered: false, items }] }
}

fn back(d: &RunDocument) -> Vec<Block> {
    let copies = [plain("Safety copies: "), code(d.vault.as_deref().unwrap_or("none"))].concat();
    let mut out = vec![Block::Text { words: copies }];
    let lines: Vec<(String, String)> = d
        .next
        .iter()
        .map(|line| {
            let what = if line.contains(" runs rollback ") { "To take it back" } else { "Next" };
            (what.to_string(), line.clone())
        })
        .collect();
    if !lines.is_empty() {
        out.push(Block::Commands { lines });
    }
    out
}

/// How long earlier runs on the instance took, where there were any.
fn earlier(about: Background<'_>) -> Vec<Block> {
    if about.earlier.len() < 2 {
        return vec![];
    }
    let values = about.earlier.iter().map(|d| {
        let when = d.started_at.map_or("unknown".into(), |t| t.to_string());
        let outcome = d.outcome.word().replace('_', " ");
        let runbook = d.runbook.as_deref().unwrap_or("no runbook");
        (super::clean(&format!("{when}, {runbook}, {outcome}")), d.downtime_seconds)
    });
    let target = about.assessment.and_then(|a| a.facts.instance.rto);
    let name = "Downtime under repair of the runs on this instance".to_string();
    vec![Block::Trend { about: name, values: values.collect(), target }]
}
