//! Every command shows how it is used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use clap::{Command, CommandFactory};

/// Every command without further commands below it.
fn leaves(command: &Command, found: &mut Vec<Command>) {
    let below: Vec<&Command> = command.get_subcommands().filter(|c| !c.is_hide_set()).collect();
    if below.is_empty() {
        found.push(command.clone());
    }
    below.into_iter().for_each(|c| leaves(c, found));
}

/// What is typed: up to the gap before the remark, and without a redirection.
fn typed(line: &str) -> Vec<String> {
    let words = line.trim().split("  ").next().unwrap_or_default();
    words.split_whitespace().take_while(|w| *w != ">").map(String::from).collect()
}

#[test]
fn every_command_has_examples_and_they_are_understood() {
    let mut cli = Cli::command();
    cli.build();
    let mut all = Vec::new();
    leaves(&cli, &mut all);
    assert!(all.len() > 20, "{}", all.len());
    for command in all {
        let name = command.get_bin_name().unwrap_or_default().to_string();
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<&str> = help.lines().filter(|l| l.trim().starts_with("redis-dr ")).collect();
        assert!(!examples.is_empty(), "{name} has no examples");
        for line in examples {
            let words = typed(line);
            assert!(Cli::try_parse_from(&words).is_ok(), "{name}: {words:?} is not understood");
        }
    }
}

#[test]
fn every_command_that_needs_a_config_carries_it_when_it_is_named() {
    let commands = crate::report::Commands::new(Some(std::path::Path::new("/c.yaml")), None);
    let apart = ["init", "explain", "completions", "man", "__exec", "inspect", "aof"];
    for name in Cli::command().get_subcommands().map(clap::Command::get_name).filter(|name| !apart.contains(name)) {
        let hint = commands.carried(&format!("redis-dr {name}"), None);
        assert_eq!(hint, format!("redis-dr -c /c.yaml {name}"));
    }
}
