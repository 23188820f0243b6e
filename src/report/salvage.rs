//! What was salvaged, as a page.
use super::Width;
use super::words::{clean, many, number};
use crate::facts::Bytes;
use crate::inspect::salvage::{Hole, Salvage};
use console::style;
use std::fmt::Write as _;

/// Holes that are listed.
const SHOWN: usize = 50;

/// The page.
#[must_use]
pub fn salvage(found: &Salvage, width: Width) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "From       {} ({})", found.path, Bytes(found.bytes));
    let _ = writeln!(out, "Written    {} ({})", found.output, Bytes(found.output_bytes));
    let libraries = match found.functions {
        0 => String::new(),
        n => format!(", {}", many(n, "library of functions", "libraries of functions")),
    };
    let _ = writeln!(out, "Had        {}{libraries}", many(found.keys, "key", "keys"));
    let verdict = if found.whole {
        style("nothing was lost: no damage was found".to_string()).green()
    } else if found.checksum_bad {
        style(
            "every record can be read, and the checksum is wrong: some value may be, and nobody can tell which".into(),
        )
        .yellow()
    } else {
        let (holes, lost) = (many(found.holes.len() as u64, "hole", "holes"), Bytes(found.lost_bytes));
        style(format!("PARTIAL: {holes}, {lost} in all")).yellow()
    };
    let _ = writeln!(out, "Verdict    {verdict}");
    if !found.holes.is_empty() {
        let _ = writeln!(out, "\n{:<34}  {:>9}  why", "Holes, from byte to byte", "bytes");
    }
    found.holes.iter().take(SHOWN).for_each(|hole| row(&mut out, hole));
    if found.holes.len() > SHOWN {
        let _ = writeln!(out, "  and {} more: --json lists all", found.holes.len() - SHOWN);
    }
    if found.holes.iter().any(|hole| hole.db_assumed.is_some()) {
        let _ = writeln!(out, "\nKeys behind a hole are put into the database that was being read before it.");
    }
    if !found.whole {
        let _ = writeln!(
            out,
            "\nThe file says that it is partial. --auto never restores it; a person can, with --point-file."
        );
    }
    width.wrap(&out)
}

fn row(out: &mut String, hole: &Hole) {
    let span = format!("{} - {}", number(hole.from), number(hole.to));
    let disk = if hole.unreadable { "the disk: " } else { "" };
    let bytes = Bytes(hole.to - hole.from).to_string();
    let _ = writeln!(out, "  {span:<32}  {bytes:>9}  {disk}{}", clean(&hole.because));
}
