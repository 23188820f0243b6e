//! A plan on a screen: an outline for whoever starts it, and in full for whoever reviews it.
use super::Width;
use super::words::{clean, loss, number};
use crate::action::{Change, ChangeKind};
use crate::aof::resp::Touched;
use crate::facts::{Bytes, Cut, Seconds};
use crate::plan::{Plan, PlannedStep, SafetyCopy};
use std::fmt::Write as _;
use std::path::Path;

/// Lines of what is cut away that a screen shows; all of them are in the plan's JSON and behind `d`.
const PREVIEW: usize = 5;

/// A line or two for each step, for a person who has just read what is wrong; `said`: the reason that was read, too.
#[must_use]
pub fn outline(p: &Plan, said: Option<&str>, width: Width) -> String {
    let mut out = String::new();
    if said != Some(p.because.as_str()) {
        because(&mut out, p);
    }
    way(&mut out, p);
    for (i, step) in p.steps.iter().enumerate() {
        title(&mut out, i + 1, step);
        if step.skipped().is_some() {
            continue;
        }
        let saves = copies_in_short(&step.safety_copies);
        if !saves.is_empty() {
            let _ = writeln!(out, "{BELOW}saved first: {saves}");
        }
        if p.point_of_no_return.as_deref() == Some(&step.id) {
            let _ = writeln!(out, "{BELOW}point of no return for --auto");
        }
    }
    let _ = writeln!(out, "\nRecovered when");
    for line in p.recovered.iter().map(|g| if g.because.is_empty() { g.that.clone() } else { g.because.clone() }) {
        let _ = writeln!(out, "          {}", clean(&line));
    }
    out.push_str("          It takes a write, and what is on disk would load the same.\n");
    let _ = writeln!(out, "\nSafety copies go to {}.", clean(&p.site.vault_dir.display().to_string()));
    width.wrap(&out)
}

/// Every change, copy, gate and undo.
#[must_use]
pub fn plan(p: &Plan, width: Width) -> String {
    let mut out = String::new();
    let (name, address) = (clean(&p.instance), clean(&p.site.address));
    let (dir, host) = (clean(&p.site.data_dir.display().to_string()), clean(&p.fingerprint.host));
    let _ = writeln!(out, "Instance  {name}   {address}   {dir}   on {host}");
    because(&mut out, p);
    way(&mut out, p);
    for gate in &p.require {
        let _ = writeln!(out, "Requires  {}", clean(&gate.that));
    }
    if !p.require.is_empty() {
        out.push('\n');
    }
    for (i, step) in p.steps.iter().enumerate() {
        title(&mut out, i + 1, step);
        in_full(&mut out, step);
        if p.point_of_no_return.as_deref() == Some(&step.id) {
            let _ = writeln!(out, "{BELOW}point of no return for --auto");
        }
    }
    expected(&mut out, p);
    let _ = writeln!(out, "\nRecovered when");
    for gate in &p.recovered {
        let _ = writeln!(out, "          {}", clean(&gate.that));
    }
    out.push_str("          and it takes a write, and what is on disk would load the same\n");
    let _ = writeln!(out, "\nSafety copies go to {}.", clean(&p.site.vault_dir.display().to_string()));
    let _ = writeln!(out, "Plan {} made at {}.", p.digest.get(..12).unwrap_or(&p.digest), p.made_at);
    width.wrap(&out)
}

/// How long each step is expected to take, as bars on one scale; left out where all of them take a moment.
fn expected(out: &mut String, p: &Plan) {
    const WIDE: f64 = 36.0;
    let steps: Vec<(&PlannedStep, Seconds)> = p.expected().collect();
    let whole: f64 = steps.iter().map(|(_, took)| took.0).sum();
    if whole < 1.0 {
        return;
    }
    let _ = writeln!(out, "\nExpected  {} in all", Seconds(whole));
    let mut before = 0.0;
    for (step, took) in steps {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let place = |seconds: f64| (seconds / whole * WIDE).round() as usize;
        let (from, to) = (place(before), place(before + took.0).max(place(before) + 1));
        before += took.0;
        let bar = format!("{}{}", " ".repeat(from), "#".repeat(to - from));
        let _ = writeln!(out, "          {:<14} {bar:<37}  {took}", clean(&step.id));
    }
}

/// Where the lines below a step's title begin.
const BELOW: &str = "                    ";

fn because(out: &mut String, p: &Plan) {
    if !p.because.is_empty() {
        let _ = writeln!(out, "Because   {}", clean(&p.because));
    }
}

/// Runbook, risk, point, estimate.
fn way(out: &mut String, p: &Plan) {
    let risk = format!("{:?}", p.risk).to_lowercase();
    let opens = |s: &PlannedStep| s.action == "service.open" && p.point_of_no_return.as_deref() == Some(s.id.as_str());
    let back = if p.steps.iter().any(opens) { "; all of it can be taken back until clients write again" } else { "" };
    let _ = writeln!(out, "Runbook   {}: {}", p.runbook, clean(&p.title));
    let _ = writeln!(out, "Risk      {risk}{back}");
    if let Some(point) = p.recovery_point() {
        let _ = writeln!(out, "Point     {} ({}), loses {}", clean(&point.id), clean(&point.source), loss(point));
        if let Some(cut) = &point.cut {
            cut_away(out, cut);
        }
    }
    if let Some(t) = p.estimate.downtime_seconds {
        let _ = writeln!(out, "Estimate  back in about {t}; safety copies take {}", p.estimate.copy_bytes);
    }
    out.push('\n');
}

fn cut_away(out: &mut String, cut: &Cut) {
    let sign = if cut.may_come_later { "≥ " } else { "" };
    let file = clean(&cut.file);
    if !cut.left_out.is_empty() {
        let (command, offset) = (clean(&cut.before), number(cut.offset));
        let _ = writeln!(out, "          leave out {command} at byte {offset} of {file}: {} go", cut.bytes_lost);
        out.push_str("          commands after it are kept and meet data that they never saw\n");
        return keys_after(out, &cut.keys_after);
    }
    let _ = writeln!(out, "          cut {file} at byte {sign}{}: {} go", number(cut.offset), cut.bytes_lost);
    if !cut.before.is_empty() {
        let (command, after) = (clean(&cut.before), number(cut.commands_lost));
        let _ = writeln!(out, "          right before {command}; commands after it, which are lost: {after}");
    }
    for line in cut.preview.iter().take(PREVIEW) {
        let _ = writeln!(out, "            - {}", clean(line));
    }
    keys_after(out, &cut.keys_after);
}

/// Which keys the commands after a flush write to.
fn keys_after(out: &mut String, keys: &Touched) {
    if keys.distinct + keys.unnamed == 0 {
        return;
    }
    let more = if keys.at_least { "at least " } else { "" };
    let shown: Vec<String> = keys.keys.iter().take(PREVIEW).map(|key| clean(key)).collect();
    let rest = if keys.distinct > shown.len() as u64 { ", …" } else { "" };
    let _ = writeln!(out, "          they write to {more}{} keys: {}{rest}", number(keys.distinct), shown.join(", "));
    if keys.unnamed > 0 {
        let _ = writeln!(out, "          and {} of them to keys that can't be told", number(keys.unnamed));
    }
}

fn title(out: &mut String, number: usize, step: &PlannedStep) {
    let _ = writeln!(out, "{number:>3}  {:<13}  {}", clean(&step.id), clean(&step.title));
    if let Some(reason) = step.skipped() {
        let _ = writeln!(out, "{BELOW}left out: {}", clean(reason));
    }
}

fn in_full(out: &mut String, step: &PlannedStep) {
    if step.skipped().is_some() {
        return;
    }
    for file in &step.reads {
        let size = file.bytes.map_or_else(|| "not there".into(), |b| b.to_string());
        let _ = writeln!(out, "{BELOW}reads {} ({size})", clean(&file.path));
    }
    for change in &step.changes {
        let _ = writeln!(out, "{BELOW}{}", clean(&changed(change)));
    }
    for copy in &step.safety_copies {
        let size = copy.bytes.map_or(String::new(), |b| format!(", {b}"));
        let _ = writeln!(out, "{BELOW}saved first: {} ({}{size})", clean(&copy.path), copy.how);
    }
    for gate in &step.gates {
        let _ = writeln!(out, "{BELOW}gate: {}", clean(&gate.that));
    }
    for gate in &step.gates_after {
        let _ = writeln!(out, "{BELOW}gate after it: {}", clean(&gate.that));
    }
    if !step.changes.is_empty() {
        let _ = writeln!(out, "{BELOW}undo: {}", clean(&step.undo));
    }
}

/// One change as a phrase.
pub(super) fn changed(change: &Change) -> String {
    let what = &change.what;
    match change.kind {
        ChangeKind::Replace => format!("replaces {what}"),
        ChangeKind::Remove => format!("takes away {what}"),
        ChangeKind::Create => format!("creates {what}"),
        ChangeKind::WriteInPlace => format!("the server writes into {what}"),
        ChangeKind::Directory => format!("changes files in {what}"),
        ChangeKind::OwnerAndMode => format!("owner and mode of {what}"),
        ChangeKind::Service => format!("service: {what}"),
        ChangeKind::LiveConfig => format!("running server: {what}"),
        ChangeKind::Keys => format!("keys: {what}"),
        ChangeKind::Outside => format!("outside: {what}"),
    }
}

/// `redis.conf, appendonlydir (2 links, 1 copy, 18.0 MiB)`.
fn copies_in_short(copies: &[SafetyCopy]) -> String {
    let there: Vec<&SafetyCopy> = copies.iter().filter(|c| c.how != "absent").collect();
    if there.is_empty() {
        return String::new();
    }
    let names: Vec<String> = there
        .iter()
        .map(|c| Path::new(&c.path).file_name().map_or(c.path.clone(), |n| n.to_string_lossy().into_owned()))
        .map(|n| clean(&n))
        .collect();
    let mut ways: Vec<(&str, usize)> = Vec::new();
    for copy in &there {
        match ways.iter_mut().find(|(how, _)| *how == copy.how) {
            Some((_, n)) => *n += 1,
            None => ways.push((&copy.how, 1)),
        }
    }
    let ways: Vec<String> = ways
        .into_iter()
        .map(|(how, n)| match (how, n) {
            ("copy", 2..) => format!("{n} copies"),
            (how, 1) => format!("1 {how}"),
            (how, n) => format!("{n} {how}s"),
        })
        .collect();
    let bytes = Bytes(there.iter().filter_map(|c| c.bytes).map(|b| b.0).sum());
    format!("{} ({}, {bytes})", names.join(", "), ways.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_told_in_one_line() {
        let copy =
            |path: &str, how: &str, bytes| SafetyCopy { path: path.into(), bytes: Some(Bytes(bytes)), how: how.into() };
        let all = [copy("/d/a.rdb", "link", 1000), copy("/d/b.aof", "copy", 24), copy("/d/c", "copy", 0)];
        assert_eq!(copies_in_short(&all), "a.rdb, b.aof, c (1 link, 2 copies, 1.0 KiB)");
        assert_eq!(copies_in_short(&[copy("/d/new", "absent", 0)]), "");
    }
}
