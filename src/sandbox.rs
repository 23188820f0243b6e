//! A private server: asked what it makes of a configuration, or made to load a set of files ([`PrivateLoad`]).
//!
//! A private start: the server program itself is asked what it makes of a configuration, and ends before it opens
//! anything.
//!
//! Behind the configuration stands an option whose value no server takes. Lines are taken in order and the first refused
//! one ends the start, before a socket is bound, a module loaded or a file written: if it is ours, all others were taken.
//! (A name that no server knows would not do: Redis 8 puts those aside for modules, and goes on.)
mod load;
mod set;
pub use load::{CONFIG, Loaded, Loads, PrivateLoad, SNAPSHOT, end_strays};
pub use set::{AofFiles, PrivateSnapshot, deciding, room, snapshot_of};

use crate::host::process::Command;
use crate::host::{Look, User};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A value that no server takes for a port.
const LAST: &str = "redis-dr-reads-this-config";
/// Reading a configuration takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// A start that only reads its configuration.
#[derive(Debug, Clone)]
pub struct PrivateStart {
    /// The server program.
    pub program: PathBuf,
    /// The configuration.
    pub config_file: PathBuf,
    /// Options behind it, as of the real start.
    pub args: Vec<String>,
    /// Where relative paths begin.
    pub cwd: PathBuf,
    /// Who it runs as, when not as ourselves.
    pub user: Option<User>,
    /// The redis-dr program, which changes to that user.
    pub launcher: PathBuf,
}

/// What the server says to a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It takes every line.
    Takes,
    /// It refuses one: its reason, without the line's words, which may be secret.
    Refuses(String),
}

impl PrivateStart {
    /// Asks.
    ///
    /// # Errors
    /// The program could not be run, or said something else than expected; in words.
    pub fn ask(&self, look: &Look) -> Result<Answer, String> {
        let mut argv = vec![self.program.display().to_string(), self.config_file.display().to_string()];
        argv.extend(self.args.iter().cloned());
        argv.extend(["--port".to_string(), LAST.to_string()]);
        let argv = crate::host::process::as_user(&self.launcher, self.user.as_ref(), argv);
        let command = Command { cwd: Some(self.cwd.clone()), ..Command::new(argv, PATIENCE) };
        let output = look.ask(&command).map_err(|e| e.to_string())?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stderr), output.text());
        read(&said).ok_or_else(|| {
            format!("{} said neither yes nor no to its configuration: {}", shown(&self.program), output.complaint())
        })
    }
}

/// `*** FATAL CONFIG FILE ERROR … ***`, `Reading the configuration file, at line N`, `>>> 'the line'`, the reason.
fn read(said: &str) -> Option<Answer> {
    let mut lines = said.lines().skip_while(|line| !line.contains("FATAL CONFIG FILE ERROR"));
    lines.next()?;
    let mut at = None;
    let mut reason = None;
    for line in lines {
        if let Some((_, number)) = line.split_once("at line ") {
            at = number.trim().parse::<u64>().ok();
        } else if let Some(words) = line.strip_prefix(">>> ") {
            if words.contains(LAST) {
                return Some(Answer::Takes);
            }
        } else if !line.trim().is_empty() {
            reason = Some(line.trim().chars().filter(|c| !c.is_control()).take(200).collect::<String>());
            break;
        }
    }
    let at = at.map_or(String::new(), |n| format!("line {n}, includes counted in: "));
    Some(Answer::Refuses(format!("{at}{}", reason.unwrap_or_else(|| "no reason given".into()))))
}

fn shown(path: &Path) -> String {
    crate::host::shown(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    const HEAD: &str = "*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at line 9\n";

    #[test]
    fn the_last_option_refused_means_all_others_are_taken() {
        let said = format!("\n{HEAD}>>> 'port \"{LAST}\"'\nargument couldn't be parsed into an integer\n");
        assert_eq!(read(&said), Some(Answer::Takes));
    }

    #[test]
    fn a_refusal_is_told_without_the_line() {
        let said = format!("{HEAD}>>> 'requirepas \"s3cret\"'\nBad directive or wrong number of arguments\n");
        let Some(Answer::Refuses(because)) = read(&said) else { panic!("{said}") };
        assert_eq!(because, "line 9, includes counted in: Bad directive or wrong number of arguments");
    }

    #[test]
    fn anything_else_is_no_answer() {
        assert_eq!(read("Fatal error, can't open config file '/x': No such file or directory\n"), None);
    }
}
