//! From the words typed to a command, and from its end to the exit code.
use super::args::{Cli, Color, Command, RunsCommand};
use super::{Context, Failure, out};
use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

const SIX: &str = "\
redis-dr brings a broken Redis or Valkey back with as much of its data as exists.

  redis-dr assess [INSTANCE]            what is wrong, and what would help; changes nothing
  redis-dr points [INSTANCE]            where data can be had from, what each would lose
  redis-dr plan [INSTANCE] -o FILE      exactly what recover would do; changes nothing
  redis-dr recover [INSTANCE]           recover: asks once, proves the result
  redis-dr runs resume | rollback       carry on, or take back, what was not finished
  redis-dr explain ID                   a finding, an exit code, a runbook or a word

redis-dr --help lists everything.";

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        out::note(&format!(
            "error: a defect in redis-dr: {info}\nhint: what was changed is in the journal: redis-dr runs list, redis-dr runs resume"
        ));
    }));
    let args: Vec<OsString> = std::env::args_os().collect();
    if args.get(1).is_some_and(|a| a == "__exec") {
        let error = crate::host::process::exec_as(&args[2..]);
        out::note(&format!("redis-dr __exec: {error}"));
        return ExitCode::from(127);
    }
    let code = std::panic::catch_unwind(|| run(&args)).unwrap_or(70);
    ExitCode::from(u8::try_from(code).unwrap_or(70))
}

fn run(args: &[OsString]) -> i32 {
    let json = args.iter().any(|a| a == "--json");
    if let Some(failure) = slips(args) {
        return fail(&failure, json);
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) => {
            use clap::error::ErrorKind::{
                DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand as NothingAsked, DisplayVersion,
            };
            if matches!(e.kind(), DisplayHelp | DisplayVersion) {
                let coloured = console::colors_enabled();
                out::page(&if coloured { e.render().ansi().to_string() } else { e.render().to_string() });
                return arrived(0);
            }
            let text = e.render().to_string();
            if e.kind() == NothingAsked {
                if !json {
                    out::note(text.trim_end());
                    return 2;
                }
                return fail(&Failure::usage("a command is missing", "redis-dr --help"), json);
            }
            let text =
                text.trim().trim_start_matches("error: ").trim_end_matches("For more information, try '--help'.");
            let text = text.trim_end().to_string();
            return fail(&Failure::usage(text, "redis-dr --help"), json);
        }
    };
    colours(cli.global.color);
    logging(cli.global.verbose);
    let commands = cli.global.commands();
    let acts = matches!(
        cli.command,
        Some(
            Command::Recover { .. }
                | Command::Apply { .. }
                | Command::Hold(_)
                | Command::Runs(RunsCommand::Resume { .. } | RunsCommand::Rollback { .. })
        )
    );
    match command(cli) {
        // the exit code of what acted tells what became of the data
        Ok(code) if acts && out::lost().is_some() => {
            arrived(code);
            code
        }
        Ok(code) => arrived(code),
        Err(failure) => fail(&failure.carrying(&commands), json),
    }
}

/// The exit code, 1 where standard output did not take what was to be said.
fn arrived(code: i32) -> i32 {
    let Some(error) = out::lost() else { return code };
    out::note(&format!(
        "error: cannot write to standard output\n  caused by: {error}\nhint: free space where it goes, then ask again; what a run did \
         is in its journal: redis-dr runs report"
    ));
    if code == 0 { 1 } else { code }
}

/// Slips of the hand that deserve a better answer than a parser's.
fn slips(args: &[OsString]) -> Option<Failure> {
    let words: Vec<String> = args.iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let first = words.iter().find(|w| !w.starts_with('-'));
    if let Some(right) = first.and_then(|w| super::args::near_word(w))
        && words.first() == first
    {
        return Some(Failure::usage(format!("there is no command `{}`", first?), format!("use: {right}")));
    }
    let recovering = matches!(first.map(String::as_str), Some("recover" | "apply"));
    if recovering && words.iter().any(|w| w == "-y" || w == "--yes") {
        return Some(Failure::usage(
            "-y says yes to what nobody has read",
            "--auto keeps to the policy with nobody watching; --confirm INSTANCE is a person's word",
        ));
    }
    if words.windows(2).any(|w| (w[0] == "-o" || w[0] == "--output") && w[1] == "json")
        || words.iter().any(|w| w == "-ojson")
    {
        return Some(Failure::usage("-o names a file", "for JSON on standard output: --json"));
    }
    let host = words.windows(2).find(|w| w[0] == "-h" && !w[1].starts_with('-'))?;
    let port = words.windows(2).find(|w| w[0] == "-p").map_or("6379", |w| w[1].as_str());
    Some(Failure::usage("-h is help here, not a host", format!("name the server as HOST:PORT: {}:{port}", host[1])))
}

fn colours(choice: Color) {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    let both = |on: bool| {
        console::set_colors_enabled(on);
        console::set_colors_enabled_stderr(on);
    };
    match choice {
        Color::Always => both(true),
        Color::Never => both(false),
        Color::Auto if set("NO_COLOR") || dumb => both(false),
        Color::Auto if std::env::var_os("CLICOLOR_FORCE").is_some_and(|v| v != "0") => both(true),
        Color::Auto => {}
    }
}

fn logging(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).try_init();
}

fn fail(failure: &Failure, json: bool) -> i32 {
    if json {
        out::json(failure);
    } else {
        out::note(&failure.text());
    }
    failure.exit_code
}

fn command(cli: Cli) -> Result<i32, Failure> {
    let Some(command) = cli.command else {
        out::line(SIX);
        return Ok(0);
    };
    let verb = command.verb();
    let context = || Context::new(&cli.global, verb);
    match command {
        // Without a context: a config that can't be read is one more reason to write a new one.
        Command::Init(args) => super::init::run(&cli.global, &args),
        Command::Assess { instance, quick, playbook, exit_code } => {
            super::assess::run(&context()?, instance.as_deref(), quick, playbook, exit_code)
        }
        Command::Points { instance, point_file, prefer, incident_at } => {
            super::points::run(&context()?, instance.as_deref(), point_file, prefer, incident_at)
        }
        Command::Plan { show: Some(super::args::PlanCommand::Show { file, view, output }), .. } => {
            super::plan::show(&context()?, &file, &view, output.as_deref())
        }
        Command::Plan { show: None, instance, select, facts, output, exit_code, view } => {
            let how = super::plan::How { facts: facts.as_deref(), output: output.as_deref(), exit_code, view };
            super::plan::run(&context()?, instance.as_deref(), &select, &how)
        }
        Command::Recover { instance, select, step, consent, dry_run, wait } => {
            let context = context()?;
            if dry_run {
                return super::plan::run(&context, instance.as_deref(), &select, &super::plan::How::default());
            }
            super::recover::run(&context, instance.as_deref(), &select, step, &consent, wait.as_deref())
        }
        Command::Apply { plan, consent } => super::apply::run(&context()?, &plan, &consent),
        Command::Runs(command) => super::runs::run(&context()?, command),
        Command::Verify(args) => super::verify::run(&context()?, &args),
        Command::Guard(args) => Ok(super::guard::run(&cli.global, &args)),
        Command::Hold(args) => super::hold::run(&context()?, &args),
        Command::Pause(args) => super::pause::run(&context()?, &args),
        Command::Vault(command) => super::vault::run(&context()?, &command),
        Command::Runbook(command) => super::library::runbook(&context()?, &command),
        Command::Playbook(command) => super::library::playbook(&context()?, &command),
        Command::Drill(command) => super::drill::run(&context()?, &command),
        Command::Aof(command) => super::aof::run(&cli.global, &command),
        Command::Inspect(args) => super::inspect::run(&cli.global, &args),
        Command::Explain { id } => super::explain::run(&cli.global, id.as_deref()),
        Command::Completions { shell } => super::shells::completions(shell),
        Command::Man => super::shells::man(),
        Command::Exec { .. } => Err(Failure::usage("__exec is for redis-dr itself", "redis-dr --help")),
    }
}
