//! A person at a terminal: sees everything, is asked once, and decides when something fails.
use super::keyboard::{Keyboard, Lines};
use super::out;
use super::progress::Progress;
use crate::engine::{AfterFailure, Asker, Event, Observer};
use crate::facts::{Assessment, Point, Topology};
use crate::finding::Id;
use crate::plan::Plan;
use crate::recover::{Answer, Bleeding, Person, Unfinished};
use crate::report::{self, Commands, clean};
use console::style;
use std::fmt::Write as _;

/// The person in front of us.
pub struct Terminal {
    /// Which config is in force, for the first line.
    where_from: String,
    /// Also gates and unchanged details?
    verbose: bool,
    lines: Box<dyn Lines>,
    progress: Progress,
    /// Was `standalone` typed already?
    standalone: bool,
    beside_json: bool,
    /// What next commands carry.
    commands: Commands,
}

impl Terminal {
    /// Asks on standard error, reads standard input; `where_from` names the config in force.
    #[must_use]
    pub fn new(where_from: String, verbose: bool) -> Self {
        Self::reading(where_from, verbose, Box::new(Keyboard::new(Box::new(|| false))))
    }

    /// Gives up waiting for an answer as soon as `interrupted` says so: where Ctrl-C is caught, it does not end a read.
    #[must_use]
    pub fn interrupted_by(mut self, interrupted: Box<dyn Fn() -> bool>) -> Self {
        self.lines = Box::new(Keyboard::new(interrupted));
        self
    }

    /// Shows its screens on standard error, where standard output belongs to one JSON document.
    #[must_use]
    pub fn beside_json(mut self, json: bool) -> Self {
        self.beside_json = json;
        self
    }

    /// Commands that are named on the screen can be pasted.
    #[must_use]
    pub fn carrying(mut self, commands: Commands) -> Self {
        self.commands = commands;
        self
    }

    fn reading(where_from: String, verbose: bool, lines: Box<dyn Lines>) -> Self {
        let (progress, commands) = (Progress::default(), Commands::default());
        Self { where_from, verbose, lines, progress, standalone: false, beside_json: false, commands }
    }

    /// One question, one line; `None` when the person is gone.
    fn ask(&mut self, text: &str) -> Option<String> {
        self.progress.end();
        let text = self.commands.carried(text, None);
        out::ask(&format!("{} ", out::width_of_notes().wrap(&text)));
        let line = self.lines.next();
        if line.is_none() {
            out::note("");
        }
        line
    }

    /// Yes or no; asked again until it is one of them. `None` to leave.
    fn yes_or_no(&mut self, text: &str) -> Option<bool> {
        loop {
            match self.ask(text)?.to_lowercase().as_str() {
                "y" | "yes" => return Some(true),
                "n" | "no" => return Some(false),
                "q" | "quit" | "leave" => return None,
                _ => out::note("Type yes, no, or q to leave."),
            }
        }
    }

    /// A reason that goes into the journal; `None` when there is none.
    fn reason(&mut self) -> Option<String> {
        let text = self.ask("Why? It goes into the journal (nothing: back to the menu):")?;
        (!text.is_empty()).then_some(text)
    }

    /// How wide the person's screen is.
    fn width(&self) -> report::Width {
        if self.beside_json { out::width_of_notes() } else { out::width() }
    }

    /// A screen of text.
    fn show(&mut self, text: &str) {
        self.progress.end();
        if self.beside_json { out::note(text) } else { out::line(text) }
    }

    fn say(&mut self, text: &str) {
        self.progress.end();
        out::note(&out::width_of_notes().wrap(&self.commands.carried(text, None)));
    }
}

/// A point by its number in the table.
fn numbered<'a>(points: &'a [Point], text: &str) -> Option<&'a Point> {
    points.get(text.parse::<usize>().ok()?.checked_sub(1)?)
}

/// Was it held, by whomever?
fn is_held(a: &Assessment) -> bool {
    a.findings.iter().any(|f| f.id == Id::ServerHeld)
}

/// What can be typed; the numbers are those of the other points.
fn prompt(a: &Assessment, plan: &Plan) -> String {
    let others: Vec<String> = (1..=a.points.len())
        .filter(|n| a.points.get(n - 1).is_some_and(|p| Some(&p.id) != plan.point.as_ref()))
        .map(|n| n.to_string())
        .collect();
    let another = match others.split_last() {
        None => String::new(),
        Some((last, [])) => format!("{last} another point, "),
        Some((last, rest)) => format!("{} or {last} another point, ", rest.join(", ")),
    };
    let hold = if is_held(a) { "" } else { "h hold it first, " };
    let cut = if plan.recovery_point().is_some_and(|p| p.cut.is_some()) { "d the cut bytes, " } else { "" };
    format!(
        "Type {} to start, s step by step, {another}p the plan in full, e evidence, {cut}{hold}q leave:",
        clean(&a.instance)
    )
}

impl Observer for Terminal {
    fn event(&mut self, event: &Event<'_>) {
        let text = match event {
            Event::Progress { what, done, total } => {
                return self.progress.show(what, *done, *total);
            }
            Event::StepStarted { id, title, number, of } => {
                let number = style(format!("{number}/{of}")).bold();
                format!("{number}  {:<16} {}", clean(id), clean(title))
            }
            Event::Saved { path, how, bytes } => {
                format!("     saved ({how}, {})  {}", crate::facts::Bytes(*bytes), clean(path))
            }
            Event::Gate { open: true, .. } if !self.verbose => return,
            Event::Gate { gate, open, evidence } => {
                let word = if *open { style("open").green() } else { style("closed").red() };
                format!("     gate {word}: {} ({})", clean(&gate.that), clean(evidence))
            }
            Event::StepDone { outcome, because, seconds, .. } => {
                let why = if because.is_empty() { String::new() } else { format!(": {}", clean(because)) };
                format!("     {} in {seconds}{why}", style(outcome.replace('_', " ")).green())
            }
            Event::StepFailed { because, hint, .. } => {
                let hint = if hint.is_empty() { String::new() } else { format!("\n     hint: {}", clean(hint)) };
                format!("     {}: {}{hint}", style("FAILED").red().bold(), clean(because))
            }
            Event::Opened => "     open: clients may write from here on".into(),
            Event::Undoing { id } => format!("undo {}", clean(id)),
            Event::Undone { id } => format!("     {} is taken back", clean(id)),
            Event::Note(text) => out::width_of_notes().wrap(&format!("note: {}", clean(text))),
        };
        self.say(&text);
    }
}

impl Asker for Terminal {
    fn after_failure(&mut self, step: &str, because: &str, hint: &str, may_skip: bool, opened: bool) -> AfterFailure {
        let back = if opened { " (LOSES what clients wrote since it was opened)" } else { "" };
        let skip = if may_skip { "\n  k  skip it, with a reason" } else { "" };
        let menu = format!(
            "\nStep {} failed. What now?\n  r  retry\n  d  show details\n  b  roll back{back}\n  s  stop here; `redis-dr runs resume` goes on\n  \
             m  mark as done by hand, with a reason{skip}\n>",
            clean(step)
        );
        loop {
            // Whoever is gone has decided nothing: the run stays as it is.
            let Some(key) = self.ask(&menu) else {
                return AfterFailure::StopHere;
            };
            match key.to_lowercase().as_str() {
                "r" | "retry" => return AfterFailure::Retry,
                "d" | "details" => {
                    self.say(&format!(
                        "{}\nhint: {}",
                        clean(because),
                        clean(if hint.is_empty() { "none" } else { hint })
                    ));
                }
                "b" | "back" | "roll back" | "rollback" => {
                    let sure = !opened
                        || self.ask("Type roll back to lose what clients wrote since:").as_deref() == Some("roll back");
                    if sure {
                        return AfterFailure::RollBack;
                    }
                }
                "s" | "q" | "stop" => return AfterFailure::StopHere,
                "m" | "mark" => {
                    if let Some(reason) = self.reason() {
                        return AfterFailure::MarkDone { reason };
                    }
                }
                "k" | "skip" if may_skip => {
                    if let Some(reason) = self.reason() {
                        return AfterFailure::Skip { reason };
                    }
                }
                _ => out::note("Type one of the letters."),
            }
        }
    }

    fn go_on(&mut self, step: &str, title: &str) -> bool {
        let text = format!("Next: {} — {}. Enter to go on, no to stop here:", clean(step), clean(title));
        loop {
            match self.ask(&text).map(|t| t.to_lowercase()).as_deref() {
                Some("" | "y" | "yes") => return true,
                None | Some("n" | "no" | "q") => return false,
                Some(_) => out::note("Press Enter, or type no."),
            }
        }
    }

    fn question(&mut self, text: &str) -> bool {
        self.progress.end();
        out::note(&text.lines().map(clean).collect::<Vec<_>>().join("\n"));
        self.ask("Type yes, or anything else for no:").is_some_and(|t| t.eq_ignore_ascii_case("yes"))
    }

    fn auto(&self) -> bool {
        false
    }
}

impl Person for Terminal {
    fn assessed(&mut self, assessment: &Assessment) {
        let text = report::assessment(assessment, &self.where_from, self.verbose, self.width());
        self.show(&text);
    }

    fn bleeding(&mut self, instance: &str, signs: &[String]) -> Bleeding {
        self.say(&format!("{}: every minute may cost data here", clean(instance)));
        for sign in signs {
            self.say(&format!("  - {}", clean(sign)));
        }
        self.say(
            "Held, it overwrites none of its files, is not restarted, and its files are kept; that can be put back.",
        );
        loop {
            let Some(key) = self.ask("h hold it now, Enter to look without holding, q leave:") else {
                return Bleeding::Leave;
            };
            match key.to_lowercase().as_str() {
                "h" | "hold" => return Bleeding::Hold,
                "" => return Bleeding::GoOn,
                "q" | "leave" => return Bleeding::Leave,
                _ => out::note("Type h or q, or press Enter."),
            }
        }
    }

    fn confirm(&mut self, assessment: &Assessment, plan: &Plan, policy: &[String]) -> Answer {
        let said = assessment.decision.as_ref().map(|d| d.because.as_str());
        let mut text = report::outline(plan, said, self.width());
        if !policy.is_empty() {
            text.push_str("\nThe policy would not let --auto do this:\n");
            for line in policy {
                let _ = writeln!(text, "  - {}", clean(line));
            }
        }
        text.push_str(if is_held(assessment) {
            "Nothing has been changed yet, the hold aside."
        } else {
            "Nothing has been changed yet."
        });
        self.show(&self.width().wrap(&text));
        let facts = &assessment.facts;
        let doubt = facts.replication.evidence == Some(true) && facts.instance.topology == Topology::Unknown;
        if doubt && !self.standalone(&facts.replication.because) {
            return Answer::Leave;
        }
        let prompt = prompt(assessment, plan);
        loop {
            let Some(typed) = self.ask(&prompt) else {
                return Answer::Leave;
            };
            if typed == assessment.instance {
                return Answer::Start;
            }
            match typed.as_str() {
                "" => {}
                "q" => return Answer::Leave,
                "h" if !is_held(assessment) => return Answer::Hold,
                "s" => {
                    let text = format!("Type {} to start step by step:", clean(&assessment.instance));
                    match self.ask(&text) {
                        None => return Answer::Leave,
                        Some(name) if name == assessment.instance => return Answer::StepByStep,
                        Some(_) => out::note("That is not its name; nothing was started."),
                    }
                }
                "e" => self.show(&self.width().wrap(&report::evidence(assessment))),
                "d" => self.show(&self.width().wrap(&report::cut_bytes(plan))),
                "p" => self.show(&report::plan(plan, self.width())),
                other => match numbered(&assessment.points, other) {
                    Some(point) if Some(&point.id) == plan.point.as_ref() => out::note("That point is the one shown."),
                    Some(point) => return Answer::Another(point.id.clone()),
                    None => out::note(&format!("{} is neither its name nor one of the keys.", clean(other))),
                },
            }
        }
    }

    fn unfinished(&mut self, run: &str, runbook: &str, back_only: Option<&str>) -> Unfinished {
        let resume = match back_only {
            None => "\n  r  resume it".to_string(),
            Some(because) => format!(" It can't be resumed: {}.", clean(because)),
        };
        let menu = format!(
            "The run {} ({}) was not finished.{resume}\n  b  roll it back\n  q  leave it\n>",
            clean(run),
            clean(runbook)
        );
        loop {
            let Some(key) = self.ask(&menu) else {
                return Unfinished::Leave;
            };
            match key.to_lowercase().as_str() {
                "r" | "resume" if back_only.is_none() => return Unfinished::Resume,
                "b" | "roll back" | "rollback" => return Unfinished::RollBack,
                "q" | "leave" => return Unfinished::Leave,
                _ => out::note("Type one of the letters."),
            }
        }
    }

    fn rule(&mut self, rule: &str, because: &str) -> Option<bool> {
        self.say(&format!("It can't be told whether this holds: {}\n  {}", clean(rule), clean(because)));
        self.yes_or_no("Does it hold? yes, no, or q to leave:")
    }

    fn standalone(&mut self, because: &[String]) -> bool {
        if self.standalone {
            return true;
        }
        self.say("This may be part of a replication, and its config does not say (topology):");
        for line in because {
            self.say(&format!("  - {}", clean(line)));
        }
        let typed = self.ask("If it stands alone, type standalone; anything else leaves:");
        self.standalone = typed.as_deref() == Some("standalone");
        self.standalone
    }

    fn parts(&mut self) -> &mut dyn Person {
        self
    }
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
