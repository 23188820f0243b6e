//! Every command shows how it is used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use clap::{Command, CommandFactory};

/// Every command, those with further commands below them too.
fn all_below(command: &Command, found: &mut Vec<Command>) {
    found.push(command.clone());
    command.get_subcommands().filter(|c| !c.is_hide_set()).for_each(|c| all_below(c, found));
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
    all_below(&cli, &mut all);
    assert!(all.len() > 40, "{}", all.len());
    for command in all {
        let name = command.get_bin_name().unwrap_or_default().to_string();
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<&str> = help.lines().filter(|l| l.trim().starts_with("redis-dr ")).collect();
        assert!(!examples.is_empty(), "{name} has no examples");
        for line in examples {
            assert!(line.chars().count() <= 80, "{name}: wider than a terminal: {line}");
            let words = typed(line);
            assert!(Cli::try_parse_from(&words).is_ok(), "{name}: {words:?} is not understood");
        }
    }
}

#[test]
fn help_fits_80_columns_where_no_terminal_says_otherwise() {
    let mut cli = Cli::command();
    cli.build();
    let mut all = Vec::new();
    all_below(&cli, &mut all);
    for mut command in all {
        for help in [command.render_help(), command.render_long_help()] {
            let text = help.to_string();
            let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{}: {wide:#?}", command.get_name());
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
