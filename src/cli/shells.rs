//! `completions` and `man`: made from the grammar of the command line.
use super::args::Cli;
use super::{Failure, out};
use clap::CommandFactory;
use clap_mangen::Man;

/// Prints the completions for a shell.
///
/// # Errors
/// None.
pub fn completions(shell: clap_complete::Shell) -> Result<i32, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "redis-dr", &mut text);
    out::line(String::from_utf8_lossy(&text).trim_end());
    Ok(0)
}

/// Prints the manual page: the program's, then a section for each command.
///
/// # Errors
/// None of them is expected: the page is made in memory.
pub fn man() -> Result<i32, Failure> {
    let page = page().map_err(|e| Failure::look(format!("the manual page can't be made: {e}"), ""))?;
    out::line(String::from_utf8_lossy(&page).trim_end());
    Ok(0)
}

fn page() -> std::io::Result<Vec<u8>> {
    let mut cli = Cli::command();
    cli.build();
    let mut page = Vec::new();
    Man::new(cli.clone()).render(&mut page)?;
    for command in cli.get_subcommands().filter(|c| !c.is_hide_set()) {
        section(&mut page, command)?;
    }
    Ok(page)
}

/// A command as sections below one heading, its own commands after it. Options of every command are told once, above.
fn section(page: &mut Vec<u8>, command: &clap::Command) -> std::io::Result<()> {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_uppercase();
    let own = command.clone().mut_args(|arg| {
        let everywhere = arg.is_global_set();
        arg.hide(everywhere)
    });
    let man = Man::new(own);
    let mut text = Vec::new();
    man.render_description_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_options_section(&mut text)?;
    let text = String::from_utf8_lossy(&text).replace("\n.SH ", "\n.SS ");
    let text = text.strip_prefix(".SH ").map(|rest| format!(".SS {rest}")).unwrap_or(text);
    page.extend_from_slice(format!(".SH \"{name}\"\n{text}\n").as_bytes());
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        section(page, below)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    #[test]
    fn the_page_has_every_command() {
        let page = String::from_utf8(super::page().unwrap()).unwrap();
        for name in ["ASSESS", "RECOVER", "RUNS ROLLBACK", "VAULT RESTORE"] {
            assert!(page.contains(&format!(".SH \"REDIS-DR {name}\"")), "{name}");
        }
        assert!(!page.contains("__exec"));
    }
}
