//! `vault list` and `vault restore`: the safety copies of runs. Only reads in the vault.
use super::args::VaultCommand;
use super::context::Context;
use super::{Failure, out};
use crate::host::{HostError, Look, Mark, Pen};
use crate::journal;
use crate::state::StateError;
use crate::vault::{self, How, Kept, Save, Saved};
use crate::yaml::printable;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the vault of one run, or of one hold, has.
struct Held {
    run: String,
    instance: String,
    /// run or hold
    kind: &'static str,
    dir: PathBuf,
    saves: Vec<Save>,
    kept: Vec<Kept>,
    /// Files that were saved from elsewhere, such as the memory of a server.
    other: Vec<(PathBuf, u64)>,
}

impl Held {
    /// Every single file that was saved, in order; one that was saved with its directory, or for two steps, once.
    fn files(&self) -> impl Iterator<Item = &Saved> {
        let mut seen = BTreeSet::new();
        self.saves.iter().flat_map(Save::files).filter(move |saved| seen.insert((saved.path(), saved.copy())))
    }
}

/// `vault …`.
///
/// # Errors
/// There is no such run or copy, or what the system says.
pub fn run(context: &Context, command: &VaultCommand) -> Result<i32, Failure> {
    match command {
        VaultCommand::List { run } => list(context, run.as_deref()),
        VaultCommand::Restore { run, path, output } => restore(context, run, path, output),
    }
}

/// From the journal alone: a run whose plan is damaged still has its copies.
fn held(context: &Context, id: &str) -> Result<Held, Failure> {
    let look = context.look;
    let (runs, holds) = (context.state.journal_path(id), context.state.holds().journal_path(id));
    let (kind, journal) = if look.exists(&holds) { ("hold", holds) } else { ("run", runs) };
    let header = journal::read(look, &journal)?.header;
    let (dir, instance) = (header.vault, header.instance);
    let (saves, kept) = vault::list(look, &dir)?;
    let mut other = Vec::new();
    if look.exists(&dir) {
        for entry in look.list(&dir)? {
            if entry.stat.kind == crate::host::Kind::File && entry.name != "index.jsonl" {
                other.push((dir.join(&entry.name), entry.stat.size));
            }
        }
    }
    Ok(Held { run: id.into(), instance, kind, dir, saves, kept, other })
}

fn list(context: &Context, run: Option<&str>) -> Result<i32, Failure> {
    let ids = match run {
        Some(run) => vec![find(context, run)?],
        None => context.state.run_ids()?.into_iter().chain(context.state.holds().run_ids()?).collect(),
    };
    let (mut documents, mut found) = (Vec::new(), Vec::new());
    for id in &ids {
        match held(context, id) {
            Ok(one) => {
                documents.push(document(&one));
                found.push(one);
            }
            Err(failure) if run.is_some() => return Err(failure),
            Err(failure) => {
                let error = failure.line();
                if !context.global.json {
                    out::note(&format!("{id}: {}", printable(&error)));
                }
                documents.push(json!({ "run_id": id, "error": error }));
            }
        }
    }
    if context.global.json {
        out::json(&json!({ "schema": "redis-dr/vault/1", "runs": documents }));
    } else if ids.is_empty() {
        out::line(&format!("no runs in {}", context.state.dir().display()));
    } else {
        by_instance(&found);
        if !context.global.quiet {
            out::line(&format!("To copy one out: {}", context.command("vault restore RUN PATH -o FILE")));
        }
    }
    Ok(0)
}

/// Instances by name; what belongs to each newest first.
fn by_instance(found: &[Held]) {
    let names: BTreeSet<&str> = found.iter().map(|held| held.instance.as_str()).collect();
    for name in names {
        out::line(&printable(name));
        found.iter().filter(|held| held.instance == name).for_each(text);
    }
}

/// A run, else a hold.
fn find(context: &Context, wanted: &str) -> Result<String, Failure> {
    let run = context.state.find_run(wanted);
    match (run, context.state.holds().find_run(wanted)) {
        (Err(StateError::NoSuchRun { .. }), Ok(hold)) => Ok(hold),
        (run, _) => Ok(run?),
    }
}

fn document(held: &Held) -> Value {
    let saved: Vec<Value> = held
        .files()
        .map(
            |s| json!({ "path": s.path(), "how": s.how(), "bytes": s.bytes(), "copy": s.copy(), "digest": s.digest() }),
        )
        .collect();
    let other: Vec<Value> = held.other.iter().map(|(path, bytes)| json!({ "path": path, "bytes": bytes })).collect();
    json!({ "run_id": held.run, "instance": held.instance, "kind": held.kind, "vault": held.dir, "saved": saved, "found_in_the_way": held.kept, "other": other })
}

/// Each path once, as it was before the run, below its directory.
fn text(held: &Held) {
    let shown = |path: &Path| printable(&path.display().to_string());
    out::line(&format!("  {} {}, copies in {}", held.kind, held.run, shown(&held.dir)));
    let (mut first, mut later) = (BTreeMap::<&Path, Vec<&Saved>>::new(), 0);
    let mut seen = BTreeSet::new();
    for saved in held.files() {
        if seen.insert(saved.path()) {
            first.entry(saved.path().parent().unwrap_or(Path::new("/"))).or_default().push(saved);
        } else {
            later += 1;
        }
    }
    for (dir, files) in first {
        out::line(&format!("    {}", shown(dir)));
        for saved in files {
            let name = saved.path().file_name().map(PathBuf::from).unwrap_or_default();
            out::line(&format!("      {:>12} B  {:<14}  {}", saved.bytes(), saved.how().to_string(), shown(&name)));
        }
    }
    if later > 0 {
        out::line(&format!("    and {later} copies of what the run itself had put there: --json"));
    }
    for kept in &held.kept {
        out::line(&format!("    found in the way of an undo: {}, now {}", shown(&kept.from), shown(&kept.to)));
    }
    for (path, bytes) in &held.other {
        out::line(&format!("      {bytes:>12} B  {:<14}  {}", "new", shown(path)));
    }
}

fn restore(context: &Context, run: &str, path: &Path, output: &Path) -> Result<i32, Failure> {
    if output.as_os_str() == "-" || output.as_os_str() == "json" {
        return Err(Failure::usage("vault restore needs a file to copy to", "-o FILE; --json is for the answer"));
    }
    let held = held(context, &find(context, run)?)?;
    let wanted = copy_of(&context.look, &held, path)?;
    let from = &wanted.file;
    let to = std::path::absolute(output).unwrap_or(output.to_path_buf());
    let bytes = copy_out(&context.look, &wanted, &to)?;
    if context.global.json {
        let (run, to) = (&held.run, &to);
        out::json(
            &json!({ "schema": "redis-dr/vault-restore/1", "run_id": run, "path": path, "from": from, "to": to, "bytes": bytes }),
        );
    } else if !context.global.quiet {
        out::line(&format!("{bytes} bytes, from {} to {}", from.display(), to.display()));
    }
    Ok(0)
}

/// A file of the vault, and what is known of the bytes in it.
#[derive(Default)]
struct Wanted {
    file: PathBuf,
    digest: Option<String>,
    /// The file goes on growing: only the bytes up to the mark were saved.
    mark: Option<Mark>,
}

/// The copy of a path as it was before the run; or a file of the vault by its own path.
fn copy_of(look: &Look, held: &Held, path: &Path) -> Result<Wanted, Failure> {
    let asked = std::path::absolute(path).unwrap_or(path.to_path_buf());
    let resolved = asked.parent().and_then(|p| look.real_path(p).ok()).zip(asked.file_name()).map(|(p, n)| p.join(n));
    let paths: BTreeSet<&Path> = held.files().map(Saved::path).filter(|p| p.ends_with(path)).collect();
    let named = if paths.len() == 1 { paths.first().copied() } else { None };
    let is = |p: &Path| p == asked || resolved.as_deref() == Some(p) || named == Some(p);
    let mut without_bytes = None;
    // the first save of a path is what was there before the run
    for saved in held.files() {
        let meant = is(saved.path()) || saved.via().is_some_and(is) || saved.copy().is_some_and(is);
        match saved.copy() {
            Some(copy) if meant => {
                let mark = saved.mark().filter(|_| saved.how() == How::Tail).cloned();
                return Ok(Wanted { file: copy.to_path_buf(), digest: saved.digest().map(String::from), mark });
            }
            None if meant => without_bytes = Some(saved.how()),
            _ => {}
        }
    }
    let extra = held.other.iter().map(|(p, _)| p).chain(held.kept.iter().map(|k| &k.to));
    if let Some(file) = extra.into_iter().find(|p| is(p)) {
        return Ok(Wanted { file: file.clone(), ..Wanted::default() });
    }
    let why = match without_bytes {
        Some(how) => format!("no bytes of {} had to be saved ({how})", path.display()),
        None if paths.len() > 1 => {
            let which: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
            format!("more than one {} was saved in {}: {}", path.display(), held.run, which.join(", "))
        }
        None => format!("{} was not saved in {}", path.display(), held.run),
    };
    Err(Failure::usage(why, format!("redis-dr vault list {}", held.run)))
}

/// Copies into a new file, 0600, and reads it back. A copy that failed leaves no file.
fn copy_out(look: &Look, wanted: &Wanted, to: &Path) -> Result<u64, Failure> {
    let from = &wanted.file;
    let (Some(above), Some(name)) = (to.parent(), to.file_name()) else {
        return Err(Failure::usage(format!("{} names no file", to.display()), "-o FILE"));
    };
    let mut source = look.open_no_link(from)?;
    let dir = look.pin(above)?;
    if look.lstat_if_there(to)?.is_some() {
        return Err(Failure::usage(format!("{} exists", to.display()), "choose a new file; nothing is overwritten"));
    }
    let pen = Pen::new();
    let mut file = pen.new_file(&dir, name)?;
    let limit = wanted.mark.as_ref().map_or(u64::MAX, |mark| mark.size);
    let written = pen.fill(&mut file, to, &mut source, limit).and_then(|written| {
        let other = wanted.digest.as_ref().is_some_and(|d| *d != written.digest);
        if other || !wanted.mark.as_ref().map_or(Ok(true), |mark| look.holds_mark(to, mark))? {
            return Err(HostError::ReadBack { path: from.clone() });
        }
        pen.sync_dir(&dir)?;
        Ok(written)
    });
    match written {
        Ok(written) => Ok(written.bytes),
        Err(e) => {
            let _ = pen.unlink(&dir, name);
            Err(e.into())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_copy_is_private_checked_and_never_overwrites() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        let (look, pen) = (Look::new(), Pen::new());
        let mut file = pen.new_file(&look.pin(dir.path()).unwrap(), "a".as_ref()).unwrap();
        pen.fill(&mut file, &from, &mut &b"bytes"[..], 5).unwrap();
        let of = |digest: &str| Wanted { file: from.clone(), digest: Some(digest.to_owned()), mark: None };
        let wrong = copy_out(&look, &of("no digest"), &to);
        assert!(wrong.is_err() && !look.exists(&to));
        let digest = blake3::hash(b"bytes").to_hex().to_string();
        assert_eq!(copy_out(&look, &of(&digest), &to).unwrap(), 5);
        assert_eq!(look.stat(&to).unwrap().mode & 0o777, 0o600);
        // behind a mark only what was there then is given out
        let (part, digest) = (dir.path().join("c"), blake3::hash(b"byt").to_hex().to_string());
        let marked = |digest: String| Wanted { file: from.clone(), digest: None, mark: Some(Mark { size: 3, digest }) };
        assert!(copy_out(&look, &marked("another end".into()), &part).is_err() && !look.exists(&part));
        assert_eq!(copy_out(&look, &marked(digest.clone()), &part).unwrap(), 3);
        assert_eq!(copy_out(&look, &of(&digest), &to).unwrap_err().exit_code, 2);
    }
}
