//! `aof.cut`: a copy of the AOF that ends at a place, or that leaves commands out, takes the AOF's place in one move.
use super::aof::{effects, manifest_name, read_manifest, rebuilt};
use super::files::point_of;
use super::results::AofWasCut;
use super::scratch::{self, LoadProof};
use super::{Act, ActError, AofCut, Done, Effects, Hands, Site};
use crate::aof::manifest::{Entry, Kind, Manifest};
use crate::aof::{resp, set};
use crate::facts::{Bytes, Cut};
use crate::vault::Content;
use serde_json::{Value, json};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

impl Act for AofCut {
    fn effects(&self, site: &Site) -> Effects {
        effects(site, "put the AOF back as it was")
    }

    fn before(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        Ok(json!({ "identity": hands.aof_identity() }))
    }

    fn already_done(&self, hands: &mut Hands<'_>, before: &Value) -> Done {
        match hands.aof_identity() {
            now if !before["identity"].is_null() && now == before["identity"] => Done::No,
            _ => Done::CantTell("the AOF is another one than before the step".into()),
        }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let point = point_of(hands.site, &self.at.0)?.clone();
        let Some(cut) = point.cut else {
            return Err(ActError::failed(
                format!("{} says no place to cut", point.id),
                "choose a point of kind aof-cut",
            ));
        };
        let loaded = if hands.site.multi_part { self.parts(hands, &cut)? } else { self.single(hands, &cut)? };
        Ok(json!(AofWasCut { file: cut.file, offset: Bytes(cut.offset), bytes_lost: cut.bytes_lost, loaded }))
    }
}

impl AofCut {
    fn single(&self, hands: &mut Hands<'_>, cut: &Cut) -> Result<Option<LoadProof>, ActError> {
        let live = hands.site.aof.clone();
        let name = live.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let loaded = match self.load {
            true => Some(scratch::load_single(hands, &mut kept(hands, &live, &name, cut)?, self.timeout)?),
            false => None,
        };
        if cut.left_out.is_empty() {
            hands.replace(&live, Content::File { path: &live, len: Some(cut.offset) })?;
        } else {
            let mut kept = kept(hands, &live, &name, cut)?;
            hands.replace(&live, Content::Reader(&mut kept))?;
        }
        Ok(loaded)
    }

    /// Builds the set anew: whole parts as links, those that change as copies, later ones left out.
    fn parts(&self, hands: &mut Hands<'_>, cut: &Cut) -> Result<Option<LoadProof>, ActError> {
        let live = hands.site.aof.clone();
        let single = hands.site.data_dir.join(&hands.site.aof_name);
        let older = cut.file == hands.site.aof_name && !hands.look.exists(&live) && hands.look.exists(&single);
        let listed = if older { of_older(hands.site) } else { remaining(hands, cut)? };
        let (dir, file) = hands.owners()?;
        let mut build = hands.vault.build_dir(&live, dir)?;
        let last = listed.incrs().last().map(|e| e.name.clone());
        for entry in &listed.entries {
            let path = if older { single.clone() } else { live.join(&entry.name) };
            if older && entry.kind == Kind::Incr {
                build.add_file(&entry.name, Content::Bytes(b""), file)?;
            } else if cut.left_out.iter().any(|gap| gap.file == entry.name) {
                let mut kept = kept(hands, &path, &entry.name, cut)?;
                build.add_file(&entry.name, Content::Reader(&mut kept), file)?;
            } else if entry.name == cut.file && cut.left_out.is_empty() {
                let progress = &mut *hands.progress;
                let mut told = |_: &Path, done, total| progress(&format!("copy {}", entry.name), done, Some(total));
                let up_to = Content::File { path: &path, len: Some(cut.offset) };
                build.add_file_telling(&entry.name, up_to, file, &mut told)?;
            } else {
                // the last increment is appended to in place: it must not share its bytes with the vault
                let may_link = last.as_ref() != Some(&entry.name);
                build.add_link_or_copy(&path, &entry.name, may_link, file)?;
            }
        }
        let lines = listed.render();
        build.add_file(&manifest_name(hands.site), Content::Bytes(lines.as_bytes()), file)?;
        let built = build.finish()?;
        let loaded = match self.load.then(|| scratch::load_parts(hands, built.path(), &listed, self.timeout)) {
            Some(Err(error)) => {
                hands.vault.take_down(built)?;
                return Err(error);
            }
            Some(Ok(loaded)) => Some(loaded),
            None => None,
        };
        hands.exchange(built, &live)?;
        Ok(loaded)
    }
}

/// An AOF in one file, as a server before 7.0 left it, becomes the base of a set, as a start would make it: under its own
/// name. The file itself stays; beside a manifest it is never read.
fn of_older(site: &Site) -> Manifest {
    let entry = |name: String, kind| Entry { name, seq: 1, kind, extra: vec![] };
    let incr = format!("{}.1.incr.aof", site.aof_name);
    Manifest { entries: vec![entry(site.aof_name.clone(), Kind::Base), entry(incr, Kind::Incr)] }
}

/// The parts that stay.
fn remaining(hands: &Hands<'_>, cut: &Cut) -> Result<Manifest, ActError> {
    let mut listed = match read_manifest(hands) {
        Ok(m) => m,
        Err(_) => rebuilt(hands)?,
    };
    listed.entries.retain(|e| !cut.drop_files.contains(&e.name) && e.kind != Kind::History);
    match cut.left_out.iter().find(|gap| !listed.entries.iter().any(|e| e.name == gap.file)) {
        Some(gap) => Err(moved_on(&gap.file)),
        None => Ok(listed),
    }
}

/// What stays of a file: up to the cut, or all but what is left out. What is left out must still be the commands that it
/// was in the plan.
fn kept(hands: &Hands<'_>, path: &Path, name: &str, cut: &Cut) -> Result<impl Read + Send + use<>, ActError> {
    for gap in cut.left_out.iter().filter(|gap| gap.file == name) {
        let bytes = hands.look.read_at(path, gap.offset, gap.bytes.min(1 << 20))?;
        if bytes.len() as u64 != gap.bytes || !resp::is_flush(&bytes) {
            return Err(moved_on(name));
        }
    }
    let pieces = match cut.left_out.is_empty() {
        true => vec![(0, Some(cut.offset))],
        false => set::pieces(&cut.left_out, name),
    };
    let mut readers: Vec<Box<dyn Read + Send>> = Vec::new();
    for (from, len) in pieces {
        let mut file = hands.vault.open_source(path)?;
        file.seek(SeekFrom::Start(from))
            .map_err(|e| ActError::failed(format!("{}: {e}", path.display()), "redis-dr assess"))?;
        readers.push(Box::new(file.take(len.unwrap_or(u64::MAX))));
    }
    readers.reverse();
    Ok(OneByOne(readers))
}

/// Readers one after the other, the last of the list first.
struct OneByOne(Vec<Box<dyn Read + Send>>);

impl Read for OneByOne {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(reader) = self.0.last_mut() {
            match reader.read(buffer)? {
                0 => _ = self.0.pop(),
                n => return Ok(n),
            }
        }
        Ok(0)
    }
}

fn moved_on(file: &str) -> ActError {
    let because = format!("{} no longer holds the commands that the plan leaves out", file.escape_debug());
    ActError::failed(because, "the AOF was rewritten since; make a new plan")
}
