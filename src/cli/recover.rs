//! `redis-dr recover`, and what all commands that recover share.
use super::args::{self, Select};
use super::context::Chosen;
use super::moment::moment;
use super::silent::Silent;
use super::terminal::Terminal;
use super::{Context, Failure, out, signals, verify};
use crate::engine::Stop;
use crate::facts::{Assessment, Outcome, Seconds};
use crate::points;
use crate::recover::{self, Consent, Person, Selection};
use crate::report::{self, Commands, RunDocument};
use crate::runbook::Library;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

/// An instance with the libraries, ready for the story.
pub struct World<'c> {
    context: &'c Context,
    chosen: Chosen,
    runbooks: Library,
    playbooks: Library,
    commands: Commands,
}

impl<'c> World<'c> {
    /// Chooses the instance and reads the libraries.
    pub fn new(context: &'c Context, instance: Option<&str>) -> Result<Self, Failure> {
        Ok(Self {
            context,
            chosen: context.choose(instance)?,
            runbooks: context.runbooks()?,
            playbooks: context.playbooks()?,
            commands: context.commands(),
        })
    }

    /// Is the owner's file of data checks right, which a recovery carries out? Asked before anything is planned or done.
    ///
    /// # Errors
    /// It can't be read, root must not trust it, or it is not valid (2).
    pub fn checks_are_right(&self) -> Result<(), Failure> {
        verify::checks_in_force(self.context, None, &self.chosen.instance).map(|_| ())
    }

    /// Whom to call where the assessment leaves the decision to a person.
    pub fn contact(&self, assessment: &Assessment) -> Option<String> {
        let asks = assessment.decision.as_ref().is_some_and(|d| d.outcome == Outcome::NeedsHuman);
        self.chosen.instance.contact.clone().filter(|_| asks).map(|contact| crate::yaml::printable(&contact))
    }

    /// As the story knows it.
    pub fn parts(&self) -> recover::World<'_> {
        recover::World {
            look: &self.context.look,
            state: &self.context.state,
            target: &self.chosen.target,
            instance: &self.chosen.instance,
            runbooks: &self.runbooks,
            playbooks: &self.playbooks,
            commands: &self.commands,
        }
    }
}

/// The options of `SELECT`.
pub fn selection(context: &Context, s: &Select) -> Result<Selection, Failure> {
    let mut params = std::collections::BTreeMap::new();
    for param in &s.params {
        let Some((name, value)) = param.split_once('=') else {
            return Err(Failure::usage(format!("--param {param} has no value"), "write --param NAME=VALUE"));
        };
        params.insert(name.to_string(), value.to_string());
    }
    Ok(Selection {
        playbook: s.playbook.clone(),
        runbook: s.runbook.clone(),
        point: s.point.clone().or_else(|| params.get("point").cloned()),
        params,
        prefer: prefer(s.prefer),
        point_file: point_file(s.point_file.clone())?,
        incident_at: moment(context, s.incident_at.as_deref())?,
        ..Selection::default()
    })
}

/// The ranking's name in the library.
pub fn prefer(p: args::Prefer) -> points::Prefer {
    match p {
        args::Prefer::Complete => points::Prefer::Complete,
        args::Prefer::Fast => points::Prefer::Fast,
    }
}

/// A file in hand, as an absolute path.
pub fn point_file(path: Option<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    let Some(path) = path else { return Ok(None) };
    std::path::absolute(&path).map(Some).map_err(|e| Failure::usage(format!("{}: {e}", path.display()), "give a path"))
}

/// Who decides, from the options and the terminal.
pub fn consent(c: &args::Consent, name: &str) -> Result<Consent, Failure> {
    if c.auto {
        return Ok(Consent::Auto);
    }
    if let Some(word) = &c.confirm {
        if word != name {
            return Err(Failure::usage(
                format!("--confirm {word} does not name the instance {name}"),
                format!("--confirm {name}"),
            ));
        }
        return Ok(Consent::Confirmed(name.into()));
    }
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        return Ok(Consent::Person);
    }
    Ok(Consent::Nobody)
}

/// The person, or the stand-in for one.
pub fn person(context: &Context, consent: &Consent, stop: &Arc<Stop>) -> Box<dyn Person> {
    let stop = Arc::clone(stop);
    match consent {
        Consent::Person => Box::new(
            Terminal::new(context.where_from(), context.global.verbose > 0)
                .beside_json(context.global.json)
                .carrying(context.commands())
                .interrupted_by(Box::new(move || stop.asked())),
        ),
        Consent::Auto | Consent::Confirmed(_) | Consent::Nobody => {
            Box::new(Silent::new(!context.global.quiet, context.commands()))
        }
    }
}

/// Recovers an instance.
pub fn run(
    context: &Context,
    instance: Option<&str>,
    select: &Select,
    step: bool,
    options: &args::Consent,
    wait: Option<&str>,
) -> Result<i32, Failure> {
    let world = World::new(context, instance)?;
    world.checks_are_right()?;
    let parts = world.parts();
    let consent = consent(options, parts.name())?;
    let wait = wait.map(Seconds::parse).transpose().map_err(|e| Failure::usage(e, "such as --wait 30s"))?;
    let stop = signals::listen(context);
    let mut person = person(context, &consent, &stop);
    let doc = recover::recover(
        &parts,
        &selection(context, select)?,
        &consent,
        step,
        wait.map(Seconds::duration),
        &mut *person,
        &stop,
    )
    .map_err(|(e, hint)| Failure::usage(e, hint))?;
    Ok(tell(context, &doc))
}

/// Prints how it ended, and gives the exit code.
pub fn tell(context: &Context, doc: &RunDocument) -> i32 {
    if context.global.json {
        out::json(doc);
    } else {
        out::line(&report::run(doc, out::width()));
    }
    doc.exit_code
}
