//! Saving: the original stays in place, a second way to its bytes goes into the vault, is read back and synced.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::index::free_name;
use super::saved::{How, Kept, Saved, SavedTree, Use};
use super::{Vault, VaultError};
use crate::host::{Dir, HostError, Kind, Look, OwnFiles, Pen, Place, Stat};

/// Files up to this size are read whole even when a link would do: 1 MiB costs nothing and proves more.
const SMALL: u64 = 1 << 20;

/// Times a copy is begun anew when the file changed meanwhile.
const TRIES: u32 = 3;

/// Hears how far a copy is: the file, bytes done, of how many.
pub type Told<'a> = dyn FnMut(&Path, u64, u64) + 'a;

/// For copies that nobody waits for.
pub(super) fn untold(_: &Path, _: u64, _: u64) {}

/// What a copy into the vault made.
struct Filed {
    how: How,
    path: PathBuf,
    digest: Option<String>,
}

impl Vault {
    /// Saves what is at a path before it is changed. Nothing there is saved too, as *absent*. On the disk, and read back,
    /// when this returns; the original is not touched. A save that a crash left, and that still matches, is used again.
    ///
    /// # Errors
    /// [`VaultError::Changing`]; [`HostError::LinkRefused`], [`HostError::NotAFile`]; what the system says (no space).
    pub fn save(&mut self, path: &Path, usage: Use) -> Result<Saved, VaultError> {
        self.save_telling(path, usage, &mut untold)
    }

    /// As [`Vault::save`]; a copy tells how far it is.
    ///
    /// # Errors
    /// As [`Vault::save`].
    pub fn save_telling(&mut self, path: &Path, usage: Use, told: &mut Told<'_>) -> Result<Saved, VaultError> {
        let (saved, new) = self.save_unnoted(path, usage, told)?;
        if new {
            self.pen.sync_dir(self.before.dir())?;
            self.note_saved(&saved)?;
        }
        Ok(saved)
    }

    /// Saves, and says whether that was done anew: then its name in the vault and the note of it are yet to be put on the
    /// disk.
    fn save_unnoted(&mut self, path: &Path, usage: Use, told: &mut Told<'_>) -> Result<(Saved, bool), VaultError> {
        let place = match self.look.place(path, &self.planters) {
            Ok(place) => place,
            // A path whose directory is not there either.
            Err(e) if e.is_missing() && path.is_absolute() => {
                return Ok((absent(path.to_path_buf(), None), true));
            }
            Err(e) => return Err(e.into()),
        };
        let real = place.path();
        let Some(stat) = place.stat()? else {
            return Ok((absent(real, place.via), true));
        };
        let dir_as_file = stat.kind == Kind::Directory && usage != Use::OwnerAndMode;
        if dir_as_file || !matches!(stat.kind, Kind::File | Kind::Directory) {
            return Err(HostError::NotAFile { path: real, kind: stat.kind }.into());
        }
        if let Some(saved) = self.last_save_of(&real)
            && fits(&saved, usage)
            // an inode has one mark in a run: cutting it back to that one would break a later one
            && (self.matches(&saved)? || (usage == Use::TailMark && self.has_only_grown(&saved)?))
        {
            return Ok((saved, false));
        }
        Ok((self.save_there(&place, stat, usage, told)?, true))
    }

    fn save_there(&mut self, place: &Place, stat: Stat, usage: Use, told: &mut Told<'_>) -> Result<Saved, VaultError> {
        let path = place.path();
        let attrs = match open_any(place, &stat) {
            Ok(file) => self.look.attrs(&file, &path)?,
            // A file this process may not read may still be given back to it.
            Err(e) if usage == Use::OwnerAndMode && e.is_denied() => self.look.rights_attrs(&path),
            Err(e) => return Err(e.into()),
        };
        let mut saved = Saved {
            path: path.clone(),
            via: place.via.clone(),
            how: How::Owner,
            was: Some(stat),
            attrs,
            copy: None,
            digest: None,
            mark: None,
        };
        if usage == Use::OwnerAndMode {
            return Ok(saved);
        }
        let filed = file_into(&self.pen, &self.before, place, usage, told)?;
        saved.was = place.stat()?.or(saved.was);
        if filed.how == How::Tail || (filed.how == How::Link && stat.size > SMALL) {
            let mark = self.look.mark(&filed.path)?;
            // a mark is believed of a file that was found whole at that size, and of no other
            if filed.how == How::Tail && mark.size != stat.size {
                return Err(VaultError::Changing { path });
            }
            saved.mark = Some(mark);
        }
        saved.how = filed.how;
        saved.copy = Some(filed.path);
        saved.digest = filed.digest;
        Ok(saved)
    }

    /// Saves a directory: every regular file in it, and its owner and mode, so that it can be made anew exactly.
    /// Subdirectories and links in it are named but neither saved nor changed.
    ///
    /// # Errors
    /// As [`Vault::save`]; [`HostError::NotADirectory`].
    pub fn save_tree(&mut self, dir: &Path, usage: &dyn Fn(&OsStr) -> Use) -> Result<SavedTree, VaultError> {
        self.save_tree_telling(dir, usage, &mut untold)
    }

    /// As [`Vault::save_tree`]; a copy tells how far it is.
    ///
    /// # Errors
    /// As [`Vault::save_tree`].
    pub fn save_tree_telling(
        &mut self,
        dir: &Path,
        usage: &dyn Fn(&OsStr) -> Use,
        told: &mut Told<'_>,
    ) -> Result<SavedTree, VaultError> {
        let none =
            |dir: PathBuf| SavedTree { dir, was: None, attrs: Vec::new(), files: Vec::new(), left_alone: Vec::new() };
        let place = match self.look.place(dir, &self.planters) {
            Ok(place) => place,
            Err(e) if e.is_missing() && dir.is_absolute() => {
                return self.noted(none(dir.to_path_buf()));
            }
            Err(e) => return Err(e.into()),
        };
        let path = place.path();
        let Some(stat) = place.stat()? else {
            return self.noted(none(path));
        };
        if stat.kind != Kind::Directory {
            return Err(HostError::NotADirectory { path, kind: stat.kind }.into());
        }
        let attrs = self.look.attrs(&open_any(&place, &stat)?, &path)?;
        let mut tree = SavedTree { was: Some(stat), attrs, ..none(path.clone()) };
        for entry in place.dir.open_dir(&place.name)?.list()? {
            if entry.stat.kind == Kind::File {
                let (saved, new) = self.save_unnoted(&path.join(&entry.name), usage(&entry.name), told)?;
                // what took long to copy is found again after a crash; links are made anew, and noted with the tree
                if new && saved.how == How::Copy {
                    self.note_saved(&saved)?;
                }
                tree.files.push(saved);
            } else {
                tree.left_alone.push(PathBuf::from(entry.name));
            }
        }
        self.noted(tree)
    }

    fn noted(&mut self, tree: SavedTree) -> Result<SavedTree, VaultError> {
        self.pen.sync_dir(self.before.dir())?;
        self.note_tree(&tree)?;
        Ok(tree)
    }

    /// Keeps what is at a place now in `after`, leaving it where it is.
    pub(super) fn keep(&mut self, place: &Place) -> Result<Kept, VaultError> {
        let filed = file_into(&self.pen, &self.after, place, Use::Replaced, &mut untold)?;
        self.pen.sync_dir(self.after.dir())?;
        let kept = Kept { from: place.path(), to: filed.path };
        self.note_kept(&kept)?;
        Ok(kept)
    }

    /// Moves a directory (or link) with all in it to `after`. Across filesystems its files are copied first.
    pub(super) fn put_away(&mut self, dir: &Dir, name: &OsStr, call_it: &OsStr) -> Result<Kept, VaultError> {
        let to = free_name(&self.after, call_it)?;
        let kept = Kept { from: dir.path().join(name), to: self.after.path().join(&to) };
        match self.pen.rename_new(dir, name, self.after.dir(), &to) {
            Ok(()) => {}
            Err(e) if e.errno() == Some(nix::errno::Errno::EXDEV as i32) => {
                let call_it = to.to_string_lossy().into_owned();
                copy_away(&self.pen, &dir.open_dir(name)?, &self.after.new_sub(&call_it)?)?;
                self.pen.remove_dir(dir, name)?;
            }
            Err(e) => return Err(e.into()),
        }
        self.pen.sync_dir(self.after.dir())?;
        self.pen.sync_dir(dir)?;
        self.note_kept(&kept)?;
        Ok(kept)
    }
}

/// Whether an earlier save is enough for this use.
fn fits(saved: &Saved, usage: Use) -> bool {
    match saved.how {
        How::Link => usage == Use::Replaced,
        How::Copy | How::Reflink => usage != Use::OwnerAndMode,
        How::Tail => usage == Use::TailMark,
        How::Owner | How::Absent => false,
    }
}

/// Opens a file or a directory, whichever it is, not following links.
pub(super) fn open_any(place: &Place, stat: &Stat) -> Result<File, HostError> {
    if stat.kind == Kind::Directory {
        use std::os::fd::AsFd;
        let dir = place.dir.open_dir(&place.name)?;
        let fd = dir.as_fd().try_clone_to_owned();
        return fd.map(File::from).map_err(|source| HostError::Os { doing: "open", path: place.path(), source });
    }
    place.dir.open_file(&place.name)
}

/// The save of a path where nothing is.
fn absent(path: PathBuf, via: Option<PathBuf>) -> Saved {
    Saved { path, via, how: How::Absent, was: None, attrs: Vec::new(), copy: None, digest: None, mark: None }
}

/// Gives a file's bytes a second way into the vault (its name there is not synced): for a name that will go a link, for a file that will grow a reflink
/// or a link to be marked, else a copy.
fn file_into(pen: &Pen, into: &OwnFiles, place: &Place, usage: Use, told: &mut Told<'_>) -> Result<Filed, VaultError> {
    if usage == Use::Replaced
        && let Some(filed) = link_into(pen, into, place)?
    {
        return Ok(filed);
    }
    for _ in 0..TRIES {
        match copy_into(pen, into, place, usage == Use::TailMark, told)? {
            Copied::Whole(filed) => return Ok(filed),
            Copied::Changed => {}
            Copied::NotShared => match link_into(pen, into, place)? {
                Some(filed) => return Ok(Filed { how: How::Tail, digest: None, ..filed }),
                // the name may go, and with it the bytes
                None => return file_into(pen, into, place, Use::WrittenInPlace, told),
            },
        }
    }
    Err(VaultError::Changing { path: place.path() })
}

fn link_into(pen: &Pen, into: &OwnFiles, place: &Place) -> Result<Option<Filed>, VaultError> {
    let look = Look::new();
    let name = free_name(into, &place.name)?;
    if !pen.link(&place.dir, &place.name, into.dir(), &name)? {
        return Ok(None);
    }
    let path = into.path().join(&name);
    let linked = into.dir().stat_name(&name)?;
    let now = place.stat()?;
    let same = linked.zip(now).is_some_and(|(a, b)| a.same_inode(&b) && a.kind == Kind::File);
    if !same {
        pen.unlink(into.dir(), &name)?;
        return Err(VaultError::Changing { path: place.path() });
    }
    // The bytes may still be on their way to the disk: whoever wrote them need not have synced.
    match into.dir().open_file(&name) {
        Ok(file) => pen.sync(&file, &path)?,
        Err(e) if e.is_denied() => {}
        Err(e) => return Err(e.into()),
    }
    let small = linked.is_some_and(|stat| stat.size <= SMALL);
    let digest = if small { Some(look.digest(&path)?) } else { None };
    Ok(Some(Filed { how: How::Link, path, digest }))
}

/// What became of a copy.
enum Copied {
    Whole(Filed),
    /// The file changed meanwhile.
    Changed,
    /// Its blocks can't be shared, and nothing else was wanted.
    NotShared,
}

fn copy_into(
    pen: &Pen,
    into: &OwnFiles,
    place: &Place,
    only_shared: bool,
    told: &mut Told<'_>,
) -> Result<Copied, VaultError> {
    let look = Look::new();
    let source = place.path();
    let mut from = place.dir.open_file(&place.name)?;
    let before = look.stat_open(&from, &source)?;
    let name = free_name(into, &place.name)?;
    let path = into.path().join(&name);
    let mut file = pen.new_file(into.dir(), &name)?;
    let done = match pen.reflink(&from, &file, &path) {
        Ok(true) => pen.sync(&file, &path).map(|()| Some(None)),
        Ok(false) if only_shared => Ok(None),
        Ok(false) => {
            let mut telling = Telling { from: &mut from, path: &source, done: 0, total: before.size, told };
            pen.fill(&mut file, &path, &mut telling, u64::MAX).map(|written| Some(Some(written.digest)))
        }
        Err(e) => Err(e),
    };
    let after = look.stat_open(&from, &source)?;
    let whole = look.stat_open(&file, &path)?.size == before.size;
    let steady = after.size == before.size && after.mtime_ns == before.mtime_ns && whole;
    match done {
        Ok(Some(digest)) if steady => {
            let how = if digest.is_some() { How::Copy } else { How::Reflink };
            Ok(Copied::Whole(Filed { how, path, digest }))
        }
        Ok(shared) => {
            pen.unlink(into.dir(), &name)?;
            Ok(if shared.is_none() { Copied::NotShared } else { Copied::Changed })
        }
        Err(e) => {
            let _ = pen.unlink(into.dir(), &name);
            Err(e.into())
        }
    }
}

/// A file that tells how far it was read.
struct Telling<'a, 't> {
    from: &'a mut File,
    path: &'a Path,
    done: u64,
    total: u64,
    told: &'a mut Told<'t>,
}

impl Read for Telling<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let n = self.from.read(into)?;
        self.done += n as u64;
        (self.told)(self.path, self.done, self.total);
        Ok(n)
    }
}

/// Reflink, else copy; synced. The digest of a copy; a reflink is not read.
pub(super) fn copy_bytes(
    pen: &Pen,
    from: &mut File,
    to: &mut File,
    path: &Path,
    limit: u64,
    told: &mut Told<'_>,
) -> Result<Option<String>, HostError> {
    if pen.reflink(from, to, path)? {
        if Look::new().stat_open(to, path)?.size > limit {
            pen.shorten(to, path, limit)?;
        }
        pen.sync(to, path)?;
        return Ok(None);
    }
    let total = Look::new().stat_open(from, path)?.size.min(limit);
    let mut telling = Telling { from, path, done: 0, total, told };
    Ok(Some(pen.fill(to, path, &mut telling, limit)?.digest))
}

/// Copies all in a directory to the vault and removes it here, file by file.
fn copy_away(pen: &Pen, from: &Dir, to: &OwnFiles) -> Result<(), VaultError> {
    let look = Look::new();
    for entry in from.list()? {
        match entry.stat.kind {
            Kind::File => {
                let place = Place { dir: look.pin(from.path())?, name: entry.name.clone(), via: None };
                file_into(pen, to, &place, Use::WrittenInPlace, &mut untold)?;
                pen.sync_dir(to.dir())?;
                pen.unlink(from, &entry.name)?;
            }
            Kind::Directory => {
                let name = free_name(to, &entry.name)?.to_string_lossy().into_owned();
                copy_away(pen, &from.open_dir(&entry.name)?, &to.new_sub(&name)?)?;
                pen.remove_dir(from, &entry.name)?;
            }
            kind => {
                return Err(HostError::NotAFile { path: from.path().join(&entry.name), kind }.into());
            }
        }
    }
    Ok(())
}
