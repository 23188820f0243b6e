//! What is in a file, as a page.
use super::Width;
use super::words::{clean, many, number};
use crate::facts::{Bytes, Time, Validity};
use crate::inspect::{
    Aof, AofFile, Config, Inspection, KeyRow, Kind, Loss, Prefix, Server, Snapshot, Start, Statistics,
};
use crate::rdb::Checksum;
use console::style;
use std::fmt::Write as _;

/// How wide a bar is at most.
pub(super) const BAR: usize = 20;
/// Widest name of a table.
pub(super) const NAME: usize = 28;

/// The page.
#[must_use]
pub fn inspection(found: &Inspection, width: Width) -> String {
    let mut out = String::new();
    head(&mut out, found);
    if let Some(aof) = &found.aof {
        files(&mut out, aof);
    }
    if let Some(snapshot) = &found.snapshot {
        snapshot_of(&mut out, snapshot, found.aof.is_some());
    }
    if let Some(aof) = &found.aof {
        commands(&mut out, aof, found.commands.unwrap_or(0));
    }
    if let Some(config) = &found.config {
        config_of(&mut out, config);
    }
    servers(&mut out, &found.servers);
    width.wrap(&out)
}

fn row(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "{name:<14}  {text}");
}

fn bytes(n: u64) -> String {
    if n < 1024 { format!("{n} B") } else { format!("{} ({} B)", Bytes(n), number(n)) }
}

fn at(time: Option<Time>) -> String {
    time.map_or("unknown".into(), |time| time.to_string())
}

fn head(out: &mut String, found: &Inspection) {
    let kind = match found.kind {
        Kind::Rdb => "RDB",
        Kind::Aof => "AOF, one file",
        Kind::AofSet => "AOF, parts and their manifest",
        Kind::Config => "configuration",
        Kind::Unknown => "unknown content",
    };
    row(out, "File", &found.path);
    let packed = found.compression.as_ref().map(|c| format!(", packed ({c})")).unwrap_or_default();
    row(out, "Kind", &format!("{kind}{packed}"));
    if let Some(size) = found.bytes {
        row(out, "Size", &format!("{}, last written {}", bytes(size), at(found.modified_at)));
    }
    let because = found.because.as_deref().map(clean).unwrap_or_default();
    let verdict = match found.valid {
        Validity::Intact => style("whole".to_string()).green(),
        Validity::Repairable => style(format!("NOT WHOLE, can be mended: {because}")).yellow(),
        Validity::Damaged => style(format!("NOT WHOLE: {because}")).red(),
        Validity::Unchecked => style(format!("CAN'T BE TOLD: {because}")).yellow(),
    };
    row(out, "Verdict", &verdict.to_string());
    let keys = match (found.keys, found.base_keys, found.commands) {
        (Some(keys), ..) => Some(number(keys)),
        (None, Some(base), Some(commands)) => {
            Some(format!("{} in its base, and {} commands after it", number(base), number(commands)))
        }
        (None, None, Some(commands)) => Some(format!("unknown: {} commands make them", number(commands))),
        _ => None,
    };
    if let Some(keys) = keys {
        row(out, "Keys", &keys);
    }
}

fn snapshot_of(out: &mut String, snapshot: &Snapshot, is_base: bool) {
    let _ = writeln!(out, "\n{}", if is_base { "RDB base" } else { "Snapshot" });
    let family = snapshot.magic.map_or("unknown".into(), |magic| format!("{magic:?}"));
    let by = snapshot.written_by.as_deref().map_or("unknown".into(), clean);
    row(out, "Written by", &format!("{family} {by}, RDB version {}", snapshot.version));
    row(out, "Written at", &at(snapshot.written_at));
    if let Some(memory) = snapshot.memory_bytes {
        row(out, "Memory then", &bytes(memory));
    }
    if let Some(replication) = &snapshot.replication {
        let offset = replication.offset.map_or("unknown".into(), number);
        row(out, "Replication", &format!("id {}, offset {offset}", clean(&replication.id)));
    }
    let checksum = match &snapshot.checksum {
        Checksum::Good => "good".into(),
        Checksum::Disabled => {
            "none: saved with rdbchecksum no, so damage that keeps the structure can't be seen".into()
        }
        Checksum::Absent => "none in this version".into(),
        Checksum::Bad { expected, got } => format!("BAD: the bytes sum to {expected}, the file says {got}"),
        Checksum::Unchecked => "not reached".into(),
    };
    row(out, "Checksum", &checksum);
    if snapshot.functions > 0 {
        row(out, "Functions", &many(snapshot.functions, "library", "libraries"));
    }
    if !snapshot.modules.is_empty() {
        row(out, "Needs modules", &clean(&snapshot.modules.join(", ")));
    }
    for db in &snapshot.databases {
        let more = if db.expired > 0 { format!(", {} of them expired", number(db.expired)) } else { String::new() };
        row(
            out,
            &format!("Database {}", db.db),
            &format!("{} keys, {} expire{more}", number(db.keys), number(db.expires)),
        );
    }
    statistics(out, &snapshot.statistics);
}

fn statistics(out: &mut String, found: &Statistics) {
    if let Some(pattern) = &found.pattern {
        let _ = writeln!(out, "\nKeys that match {}", clean(pattern));
        row(out, "Keys", &format!("{}, {}", number(found.keys), bytes(found.bytes)));
    }
    if found.keys == 0 {
        return;
    }
    let _ = writeln!(out, "\nTypes         {:>11}  {:>11}  {:>9}  share of the bytes", "keys", "expire", "bytes");
    for kind in &found.types {
        let (keys, expires) = (number(kind.keys), number(kind.expires));
        let share = bar(kind.bytes, found.bytes);
        let _ = writeln!(
            out,
            "  {:<10}  {keys:>11}  {expires:>11}  {:>9}  {share}",
            kind.kind.as_str(),
            Bytes(kind.bytes).to_string()
        );
    }
    let expiry = &found.expiry;
    let spans = [
        ("never", expiry.never),
        ("passed", expiry.passed),
        ("within 1 h", expiry.hour),
        ("1 h to 1 d", expiry.day),
        ("1 d to 7 d", expiry.week),
        ("7 d to 30 d", expiry.month),
        ("later", expiry.later),
    ];
    let _ = writeln!(out, "\nExpiry          {:>13}  share of the keys", "keys");
    for (name, keys) in spans.into_iter().filter(|(_, keys)| *keys > 0) {
        let _ = writeln!(out, "  {name:<12}  {:>13}  {}", number(keys), bar(keys, found.keys));
    }
    prefixes(out, "Prefixes", "keys", &found.prefixes, Some(found.bytes));
    if found.other_keys > 0 {
        let _ = writeln!(out, "  and {} keys with others, {}", number(found.other_keys), Bytes(found.other_bytes));
    }
    if !found.prefixes_exact {
        let _ = writeln!(out, "  (so many prefixes that the numbers are lower bounds)");
    }
    biggest(out, &found.biggest);
}

/// A bar and its share as a number: neither says more than the other.
fn bar(part: u64, whole: u64) -> String {
    let parts = |of: u64| u128::from(part) * u128::from(of) / u128::from(whole.max(1));
    let (filled, permille) = (parts(BAR as u64), parts(1000));
    let drawn = "#".repeat(usize::try_from(filled).unwrap_or(BAR).min(BAR));
    format!("{drawn:<BAR$} {:>3}.{} %", permille / 10, permille % 10)
}

fn prefixes(out: &mut String, title: &str, unit: &str, found: &[Prefix], whole: Option<u64>) {
    if found.is_empty() {
        return;
    }
    let share = if whole.is_some() { "  share of the bytes" } else { "" };
    let _ = writeln!(out, "\n{title:<NAME$}  {unit:>11}  {:>9}{share}", "bytes");
    for prefix in found {
        let name = if prefix.prefix.is_empty() { "(no prefix)".into() } else { fitted(&prefix.prefix, NAME - 2) };
        let (count, size) = (number(prefix.count), Bytes(prefix.bytes).to_string());
        let share = whole.map(|whole| format!("  {}", short_bar(prefix.bytes, whole))).unwrap_or_default();
        let _ = writeln!(out, "  {name:<w$}  {count:>11}  {size:>9}{share}", w = NAME - 2);
    }
}

fn short_bar(part: u64, whole: u64) -> String {
    let text = bar(part, whole);
    let (drawn, share) = text.split_at(BAR.min(text.len()));
    let half = drawn.trim_end().len().div_ceil(2);
    format!("{:<w$}{share}", "#".repeat(half), w = BAR / 2)
}

/// A name that fits its column, with its end where it is too long.
pub(super) fn fitted(name: &str, room: usize) -> String {
    let count = name.chars().count();
    if count <= room {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(count - room / 2).collect();
    let head: String = name.chars().take(room - room / 2 - 1).collect();
    format!("{head}…{tail}")
}

fn biggest(out: &mut String, found: &[KeyRow]) {
    if found.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{:<40}  {:<6}  {:>9}  {:>12}", "Biggest keys", "type", "in file", "size");
    for key in found {
        let name = fitted(&key.key, 33);
        let size = key.size.map_or("unknown".into(), number);
        let (kind, bytes) = (key.kind.to_string(), Bytes(key.bytes).to_string());
        let _ = writeln!(out, "  {:<3} {name:<34}  {kind:<6}  {bytes:>9}  {size:>12}", key.db);
    }
    let _ = writeln!(out, "  (before the key its database; size: bytes of a string, else elements)");
}

fn files(out: &mut String, aof: &Aof) {
    let _ = writeln!(out, "\nFiles");
    for file in &aof.files {
        let _ = writeln!(out, "  {}  {}", file.name, file_words(file));
    }
    if let Some(manifest) = &aof.rebuilt_manifest {
        let _ = writeln!(out, "A manifest for these files would be:");
        for line in manifest.lines() {
            let _ = writeln!(out, "  {}", clean(line));
        }
    }
}

fn file_words(file: &AofFile) -> String {
    let Some(size) = file.bytes else { return "is not there".into() };
    let mut words = vec![bytes(size)];
    if file.rdb {
        words.push("an RDB".into());
    }
    if file.end.is_some() {
        words.push(many(file.commands, "command", "commands"));
    }
    if file.transactions > 0 {
        words.push(many(file.transactions, "transaction", "transactions"));
    }
    words.join(", ")
}

fn commands(out: &mut String, aof: &Aof, commands: u64) {
    if let Some(cut) = &aof.cut {
        loss(out, cut);
    }
    if aof.by_name.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nCommands");
    if aof.first_at.is_some() {
        row(out, "From", &format!("{} to {}", at(aof.first_at), at(aof.last_at)));
    } else {
        row(out, "From", "unknown: no timestamps in it (aof-timestamp-enabled yes writes them)");
    }
    if aof.transactions > 0 {
        row(out, "Transactions", &number(aof.transactions));
    }
    let total = aof.by_name.iter().map(|c| c.count).sum::<u64>() + aof.other_commands;
    let _ = writeln!(out, "\n{:<NAME$}  {:>11}  {:>9}  share of all", "Names", "commands", "bytes");
    for command in &aof.by_name {
        let (name, count) = (fitted(&command.name, NAME - 2), number(command.count));
        let share = short_bar(command.count, total.max(commands));
        let _ =
            writeln!(out, "  {name:<w$}  {count:>11}  {:>9}  {share}", Bytes(command.bytes).to_string(), w = NAME - 2);
    }
    prefixes(out, "Prefixes of their keys", "commands", &aof.prefixes, None);
    moments(out, aof);
}

fn moments(out: &mut String, aof: &Aof) {
    if aof.flush_count > 0 {
        let _ = writeln!(out, "\nFlushes   {} in all", number(aof.flush_count));
    }
    for flush in aof.flushes.iter().rev().take(10).rev() {
        let multi = if flush.in_multi { ", inside MULTI" } else { "" };
        let _ = writeln!(
            out,
            "  {} in database {}{multi}, {} at byte {}, at {}; {} commands after it; cut before it: --at-offset {}",
            clean(&flush.command),
            flush.db,
            flush.file,
            flush.offset,
            at(flush.at),
            number(flush.commands_after),
            flush.cut
        );
    }
    if aof.tag_count > 0 {
        let _ = writeln!(out, "\nTags   {} in all", number(aof.tag_count));
    }
    for tag in aof.tags.iter().rev().take(10).rev() {
        let _ = writeln!(out, "  {}  {} at byte {}, at {}", tag.name, tag.file, tag.offset, at(tag.at));
    }
    if let Some(matching) = &aof.matching {
        let _ =
            writeln!(out, "\nCommands on keys that match {}   {}", clean(&matching.pattern), number(matching.commands));
        for one in &matching.last {
            let _ = writeln!(out, "  {} at byte {}, at {}: {}", one.file, one.offset, at(one.at), one.command);
        }
    }
}

fn loss(out: &mut String, cut: &Loss) {
    let _ = writeln!(out, "\nWhere it is damaged");
    row(out, "Cut", &format!("{} at byte {}", cut.file, number(cut.offset)));
    if !cut.drop_files.is_empty() {
        row(out, "Left out", &cut.drop_files.join(", "));
    }
    let at_least = if cut.at_least { "at least " } else { "" };
    let what = if cut.only_incomplete {
        format!("{}: only what was never complete", bytes(cut.bytes))
    } else {
        format!("{}, {at_least}{}", bytes(cut.bytes), many(cut.commands, "complete command", "complete commands"))
    };
    row(out, "Lost by it", &what);
    if cut.data_as_of.is_some() {
        row(out, "Data then as of", &at(cut.data_as_of));
    }
    for line in cut.shown.iter().take(10) {
        let _ = writeln!(out, "  - {line}");
    }
    if cut.shown.len() > 10 {
        let _ = writeln!(out, "  - … (--json shows more)");
    }
}

fn config_of(out: &mut String, config: &Config) {
    let _ = writeln!(
        out,
        "\nConfiguration   {} in {}",
        many(config.directives, "directive", "directives"),
        many(config.files.len() as u64, "file", "files")
    );
    for directive in &config.effective {
        let line = directive.line.as_deref().map_or("by default".into(), |line| format!("from {line}"));
        row(out, &directive.name, &format!("{}  ({line})", clean(&directive.value)));
    }
    if let Some(tool) = &config.managed_by {
        row(out, "Written by", &clean(tool));
    }
    for problem in &config.problems {
        let _ = writeln!(out, "  REFUSED  {}: {}: {}", problem.at, clean(&problem.message), problem.text);
    }
}

/// Servers that do the same stand in one line.
fn servers(out: &mut String, servers: &[Server]) {
    if servers.is_empty() {
        return;
    }
    let _ = writeln!(out, "\nWhat servers would do with it");
    let mut rest: Vec<&Server> = servers.iter().collect();
    while let Some(first) = rest.first().copied() {
        let same = |s: &&Server| s.start == first.start && reason(s) == reason(first);
        let names: Vec<&str> = rest.iter().filter(|s| same(s)).map(|s| s.server.as_str()).collect();
        let word = match first.start {
            Start::Loads => "loads",
            Start::Loses => "LOSES",
            Start::Empty => "STARTS EMPTY",
            Start::Refuses => "REFUSES",
            Start::Unknown => "unknown",
        };
        let because = reason(first).map(|b| format!(": {b}")).unwrap_or_default();
        let _ = writeln!(out, "  {word:<12}  {}{}", names.join(", "), clean(&because));
        rest.retain(|s| !same(s));
    }
}

/// The reason without the server's own name, which stands before it.
fn reason(server: &Server) -> Option<String> {
    let because = server.because.as_deref()?;
    let own = because.split(", and ").next().unwrap_or(because);
    let names_itself = because.contains(&format!("{}.", server.server));
    Some(if names_itself { own.to_owned() } else { because.to_owned() })
}
