//! `redis-dr aof cut`: a copy of an AOF that ends earlier. The AOF itself is only read.
use super::args::{AofCommand, AofCutArgs, Global};
use super::{Context, Failure, moment, out};
use crate::aof::manifest::{Entry, Kind, Manifest};
use crate::aof::resp::Until;
use crate::aof::set::{self, Cut, JudgeOptions, Layout, NoMoment, SetReport, SetState};
use crate::facts::Time;
use crate::host::{Look, OwnFiles, Pen, shown};
use crate::inspect::{self, Loss, Subject};
use crate::report::{clean, many, number};
use schemars::JsonSchema;
use serde::Serialize;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What was cut: `redis-dr/aof-cut/1`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Document {
    /// redis-dr/aof-cut/1
    schema: &'static str,
    /// The AOF that was read.
    from: String,
    /// The directory that was made.
    to: String,
    /// The files in it.
    files: Vec<String>,
    /// Their bytes, without the manifest.
    bytes: u64,
    /// Keys in its base; null where the base is no snapshot.
    base_keys: Option<u64>,
    /// Commands after the base, without MULTI, EXEC and SELECT.
    commands: u64,
    /// Complete commands that are not in it.
    commands_lost: u64,
    /// Where it ends, and what of the AOF is not in it.
    lost: Loss,
}

/// One of the `aof` commands.
///
/// # Errors
/// It can't be read or written (1), there is no such place in it (1), or the place was not named right (2).
pub fn run(global: &Global, command: &AofCommand) -> Result<i32, Failure> {
    match command {
        AofCommand::Cut(args) => cut(global, args),
        AofCommand::Tag(args) => super::aof_tag::run(&Context::new(global, "aof tag")?, args),
    }
}

fn cut(global: &Global, args: &AofCutArgs) -> Result<i32, Failure> {
    let look = Look::new();
    let (dir, layout) = match inspect::subject(&look, &args.path)? {
        Subject::Aof { dir, layout } => (dir, layout),
        // An AOF may begin with any RDB; whether commands follow it, the walk tells.
        Subject::Snapshot { path } => {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (path.parent().unwrap_or(Path::new("")).to_path_buf(), Layout::Single { file })
        }
        Subject::Config { path } | Subject::Nothing { path, .. } => {
            let path = shown(&path);
            return Err(Failure::look(
                format!("{path} is no AOF"),
                format!("redis-dr inspect {path} tells what it is"),
            ));
        }
    };
    let to = std::path::absolute(&args.output).unwrap_or_else(|_| args.output.clone());
    if look.lstat_if_there(&to)?.is_some() {
        let hint = "-o names a directory that is not there yet; nothing is overwritten, and never cut in place";
        return Err(Failure::usage(format!("{} exists", shown(&to)), hint));
    }
    let until = until(args)?;
    let open = |name: &str| inspect::opened(&look, &dir.join(name));
    let judging = JudgeOptions { until: until.as_ref(), ..JudgeOptions::default() };
    let report = set::judge(&layout, &open, &judging);
    let cut = match &until {
        Some(until) => set::cut_at(&report, until),
        None => set::cut_before_last_flush(&report),
    };
    let cut = cut.map_err(|why| no_place(&args.path, &why))?;
    let manifest = remaining(&layout, &report, &cut)?;
    let (files, proved) = write(&look, &to, &layout, &manifest, &cut, &open)?;
    let loss = inspect::loss(&cut, &open);
    let wanted = report.commands_after_base.saturating_sub(cut.commands_lost_complete + cut.commands_in_later_files);
    if !matches!(proved.state, SetState::Intact | SetState::Empty) || proved.commands_after_base != wanted {
        let because = proved.state.because().unwrap_or_else(|| "it holds other commands than were to stay".into());
        return Err(Failure::look(format!("the new set in {} is not whole: {because}", shown(&to)), "remove it"));
    }
    let document = Document {
        schema: "redis-dr/aof-cut/1",
        from: shown(&args.path),
        to: shown(&to),
        files,
        bytes: proved.bytes,
        base_keys: proved.base_keys,
        commands: proved.commands_after_base,
        commands_lost: loss.commands,
        lost: loss,
    };
    if global.json {
        out::json(&document);
    } else if !global.quiet {
        tell(&document);
    }
    Ok(0)
}

/// Where the copy is to end; none: before the last flush.
fn until(args: &AofCutArgs) -> Result<Option<Until>, Failure> {
    if let Some(time) = &args.at {
        let seconds = time.parse().ok().or_else(|| moment::past(time).map(Time::unix).ok());
        let because = || Failure::usage(format!("--at {time} is no moment in the past"), moment::HOW);
        return seconds.map(|second| Some(Until::Time(second))).ok_or_else(because);
    }
    if let Some(place) = &args.at_offset {
        let (file, digits) = place.rsplit_once(':').map_or((None, place.as_str()), |(f, n)| (Some(f.to_owned()), n));
        let bad = || Failure::usage(format!("--at-offset {place} is no offset"), "write 18442113 or FILE:18442113");
        return Ok(Some(Until::Offset(file, digits.parse().map_err(|_| bad())?)));
    }
    Ok(args.at_tag.clone().map(Until::Tag))
}

fn no_place(path: &Path, why: &NoMoment) -> Failure {
    let path = shown(path);
    let hint = match why {
        NoMoment::NoTimestamps => {
            "servers since 7.0 write them with aof-timestamp-enabled yes; cut at a tag, an offset, or before a flush"
        }
        NoMoment::WhichFile(_) => "name it: --at-offset FILE:N; redis-dr inspect lists the files",
        NoMoment::Damaged => "redis-dr inspect tells where it is damaged, and what a cut there loses",
        _ => "redis-dr inspect tells its moments, flushes, tags and offsets",
    };
    Failure::look(format!("{path} can't be cut there: {why}"), format!("{hint} ({path} was not changed)"))
}

/// The manifest of what stays. An AOF in one file becomes the base of a set under its own name, as a start would make it:
/// servers before 7.0 read the file, later ones the set.
fn remaining(layout: &Layout, report: &SetReport, cut: &Cut) -> Result<Manifest, Failure> {
    if let Layout::Single { file } = layout {
        if file.ends_with(".incr.aof") || file.ends_with(".base.aof") {
            let because = format!("{} is one part of an AOF", file.escape_debug());
            return Err(Failure::usage(because, "cut the set: name its directory"));
        }
        let entry = |name: String, kind| Entry { name, seq: 1, kind, extra: vec![] };
        let entries = vec![entry(file.clone(), Kind::Base), entry(format!("{file}.1.incr.aof"), Kind::Incr)];
        return Ok(Manifest { entries });
    }
    let listed = report.manifest.clone().or_else(|| report.rebuilt.as_ref().map(|rebuilt| rebuilt.manifest.clone()));
    let mut listed = listed.unwrap_or_default();
    listed.entries.retain(|e| e.kind != Kind::History && !cut.drop_files.contains(&e.name));
    Ok(listed)
}

/// Writes the new set, its manifest last, and walks it. What could not be finished is removed.
fn write(
    look: &Look,
    to: &Path,
    layout: &Layout,
    manifest: &Manifest,
    cut: &Cut,
    open: &set::Open<'_>,
) -> Result<(Vec<String>, SetReport), Failure> {
    let stem = match layout {
        Layout::Single { file } => file.clone(),
        Layout::Multi { appendfilename, .. } => appendfilename.clone(),
    };
    let above = to.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    look.pin(&above)?;
    let own = OwnFiles::open(to)?;
    let name = format!("{stem}.manifest");
    let mut files: Vec<String> = manifest.entries.iter().map(|entry| entry.name.clone()).collect();
    let written = files.iter().try_for_each(|file| {
        let fresh = matches!(layout, Layout::Single { file: only } if file != only);
        let (mut reader, _) = if fresh {
            (Box::new(std::io::empty()) as Box<dyn Read + Send>, 0)
        } else {
            open(file).map_err(|e| Failure::look(format!("{} can't be read: {e}", file.escape_debug()), ""))?
        };
        let limit = if *file == cut.file { cut.offset } else { u64::MAX };
        fill(&own, file, &mut reader, limit)
    });
    let rendered = manifest.render();
    files.push(name.clone());
    if let Err(failure) = written.and_then(|()| fill(&own, &name, &mut rendered.as_bytes(), u64::MAX)) {
        files.iter().for_each(|file| _ = own.remove(file));
        let _ = own.remove_if_empty(&above);
        return Err(failure);
    }
    Pen::new().sync_dir(own.dir())?;
    let names = look.list(to)?.into_iter().map(|e| (e.name.to_string_lossy().into_owned(), e.stat.size)).collect();
    let layout = Layout::Multi { appendfilename: stem, manifest: Some(rendered.into_bytes()), names };
    let reopen = |name: &str| inspect::opened(look, &to.join(name));
    Ok((files, set::judge(&layout, &reopen, &JudgeOptions::default())))
}

fn fill(own: &OwnFiles, name: &str, reader: &mut dyn Read, limit: u64) -> Result<(), Failure> {
    let pen = Pen::new();
    let mut file = pen.new_file(own.dir(), name.as_ref())?;
    pen.fill(&mut file, &own.path().join(name), reader, limit)?;
    Ok(())
}

fn tell(cut: &Document) {
    let keys = cut.base_keys.map(|n| format!("{} keys in its base, ", number(n))).unwrap_or_default();
    out::line(&format!("{}: {keys}{} commands after it, proved whole", cut.to, number(cut.commands)));
    let place = format!("{} ends at byte {}", cut.lost.file, cut.lost.offset);
    let commands = many(cut.commands_lost, "command is", "commands are");
    let as_of = cut.lost.data_as_of.map(|at| format!(", data as of {at}")).unwrap_or_default();
    out::line(&format!("{place}{as_of}; {} not in it:", commands));
    cut.lost.shown.iter().take(10).for_each(|line| out::line(&format!("  - {}", clean(line))));
    out::line(
        "It is a copy: nothing was changed in the AOF it was made from. The files belong to whoever made it, 0600:",
    );
    out::line("give them to the server's user before it is put in place as the server's appendonlydir.");
}
