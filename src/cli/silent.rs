//! The stand-in for a person: it never asks, and says what happens in one line each.
use super::out;
use crate::engine::{AfterFailure, Asker, Event, Observer};
use crate::facts::Assessment;
use crate::plan::Plan;
use crate::recover::{Answer, Bleeding, Person, Unfinished};
use crate::report::{Commands, clean};

/// Answers as `--auto` and `--confirm` do: carry on, roll back what fails, never guess.
#[derive(Debug, Clone)]
pub struct Silent {
    /// Are steps told on standard error?
    progress: bool,
    /// What next commands carry.
    commands: Commands,
}

impl Silent {
    /// One that tells its steps on standard error, or nothing at all.
    #[must_use]
    pub fn new(progress: bool, commands: Commands) -> Self {
        Self { progress, commands }
    }
}

/// The line for a log, where the event deserves one.
fn words(event: &Event<'_>) -> Option<String> {
    Some(match event {
        Event::StepStarted { id, title, number, of } => format!("[{number}/{of}] {id}: {}", clean(title)),
        Event::StepDone { id, outcome, because, seconds } => {
            let why = if because.is_empty() { String::new() } else { format!(": {}", clean(because)) };
            format!("      {id} {} in {seconds}{why}", outcome.replace('_', " "))
        }
        Event::StepFailed { id, because, hint } => {
            let hint = if hint.is_empty() { String::new() } else { format!("\nhint: {}", clean(hint)) };
            format!("      {id} FAILED: {}{hint}", clean(because))
        }
        Event::Opened => "      opened: clients may write from here on".into(),
        Event::Undoing { id } => format!("undo  {id}"),
        Event::Undone { id } => format!("      {id} taken back"),
        Event::Note(text) => out::width_of_notes().wrap(&format!("note: {}", clean(text))),
        Event::Saved { .. } | Event::Progress { .. } | Event::Gate { .. } => return None,
    })
}

impl Observer for Silent {
    fn event(&mut self, event: &Event<'_>) {
        if self.progress
            && let Some(text) = words(event)
        {
            out::note(&self.commands.carried(&text, None));
        }
    }
}

impl Asker for Silent {
    fn after_failure(&mut self, _: &str, _: &str, _: &str, _: bool, _: bool) -> AfterFailure {
        AfterFailure::RollBack
    }
    fn go_on(&mut self, _: &str, _: &str) -> bool {
        true
    }
    fn question(&mut self, _: &str) -> bool {
        false
    }
    fn auto(&self) -> bool {
        true
    }
}

impl Person for Silent {
    fn assessed(&mut self, _: &Assessment) {}
    fn bleeding(&mut self, _: &str, _: &[String]) -> Bleeding {
        Bleeding::GoOn
    }
    fn confirm(&mut self, _: &Assessment, _: &Plan, _: &[String]) -> Answer {
        Answer::Start
    }
    fn unfinished(&mut self, _: &str, _: &str, _: Option<&str>) -> Unfinished {
        Unfinished::Resume
    }
    fn rule(&mut self, _: &str, _: &str) -> Option<bool> {
        None
    }
    fn standalone(&mut self, _: &[String]) -> bool {
        false
    }
    fn parts(&mut self) -> &mut dyn Person {
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::facts::Seconds;

    #[test]
    fn steps_are_one_line_each_and_obey_no_escape() {
        let started = Event::StepStarted { id: "stop", title: "stop \u{1b}[2J it", number: 1, of: 5 };
        assert_eq!(words(&started).unwrap(), "[1/5] stop: stop \u{fffd}[2J it");
        let done =
            Event::StepDone { id: "stop", outcome: "already_done", because: String::new(), seconds: Seconds(0.4) };
        assert_eq!(words(&done).unwrap(), "      stop already done in 0.4 s");
        assert!(words(&Event::Progress { what: "walk", done: 1, total: None }).is_none());
    }

    #[test]
    fn it_never_guesses() {
        let mut silent = Silent::new(false, Commands::default());
        assert!(silent.auto());
        assert_eq!(silent.rule("r", "b"), None);
        assert!(!silent.standalone(&[]));
        assert!(!silent.question("did you?"));
        assert_eq!(silent.after_failure("s", "b", "", true, true), AfterFailure::RollBack);
    }
}
