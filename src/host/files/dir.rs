//! A directory pinned by descriptor, and the place of one file in it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use super::error::shown;
use super::stat::{Access, Kind, Stat};
use super::{HostError, Look};

/// A directory held open: renaming it, or putting a link in its place, does not lead us elsewhere.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl Dir {
    /// The path it was opened by, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the directory itself is.
    ///
    /// # Errors
    /// What the system says.
    pub fn stat(&self) -> Result<Stat, HostError> {
        rustix::fs::fstat(&self.fd).map(Stat::from).map_err(|e| HostError::os("look at", &self.path, e))
    }

    /// What a name in it is (not followed); `None` when there is none.
    ///
    /// # Errors
    /// What the system says, other than that there is nothing.
    pub fn stat_name(&self, name: &OsStr) -> Result<Option<Stat>, HostError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat.into())),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(e) => Err(HostError::os("look at", &self.path.join(name), e)),
        }
    }

    /// Opens a regular file in it for reading; a link is an error.
    ///
    /// # Errors
    /// [`HostError::NotAFile`], ELOOP for a link, else what the system says.
    pub fn open_file(&self, name: &OsStr) -> Result<File, HostError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW;
        let path = self.path.join(name);
        if let Some(stat) = self.stat_name(name)?
            && !matches!(stat.kind, Kind::File | Kind::Link)
        {
            return Err(HostError::NotAFile { path, kind: stat.kind });
        }
        let fd =
            rustix::fs::openat(&self.fd, name, flags, Mode::empty()).map_err(|e| HostError::os("open", &path, e))?;
        let stat: Stat = rustix::fs::fstat(&fd).map_err(|e| HostError::os("look at", &path, e))?.into();
        if stat.kind != Kind::File {
            return Err(HostError::NotAFile { path, kind: stat.kind });
        }
        Ok(File::from(fd))
    }

    /// Opens a directory in it; a link is an error.
    ///
    /// # Errors
    /// ENOTDIR or ELOOP when it is something else; else what the system says.
    pub fn open_dir(&self, name: &OsStr) -> Result<Dir, HostError> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd =
            rustix::fs::openat(&self.fd, name, flags, Mode::empty()).map_err(|e| HostError::os("open", &path, e))?;
        Ok(Dir { fd, path })
    }

    /// Every name in it, sorted, with what it is. A name that vanishes meanwhile is left out.
    ///
    /// # Errors
    /// What the system says.
    pub fn list(&self) -> Result<Vec<super::Entry>, HostError> {
        let reader = rustix::fs::Dir::read_from(&self.fd).map_err(|e| HostError::os("list", &self.path, e))?;
        let mut entries = Vec::new();
        for entry in reader {
            use std::os::unix::ffi::OsStrExt;
            let entry = entry.map_err(|e| HostError::os("list", &self.path, e))?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            if let Some(stat) = self.stat_name(name)? {
                entries.push(super::Entry { name: name.to_os_string(), stat });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Whose symbolic links are not followed: those somebody else than root could have planted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planters {
    /// The server's user id and all groups of it, when known. Unknown, or root, means: anybody but root.
    pub server: Option<(u32, Vec<u32>)>,
}

impl Planters {
    /// Who could have put a link into a directory with this stat; `None` when only root could.
    #[must_use]
    pub fn of(&self, dir: &Stat) -> Option<String> {
        match &self.server {
            Some((uid, groups)) if *uid != 0 => {
                let may = dir.uid == *uid || dir.allows(*uid, groups, Access::Write);
                may.then(|| format!("the server's user (id {uid})"))
            }
            _ if dir.uid != 0 => Some(format!("user id {}", dir.uid)),
            _ if dir.mode & 0o022 != 0 => Some(format!("others than root (mode {:o})", dir.mode)),
            _ => None,
        }
    }
}

/// Where one file is, or will be: its directory, resolved and pinned, and its name there.
#[derive(Debug)]
pub struct Place {
    /// The directory.
    pub dir: Dir,
    /// The name in it.
    pub name: OsString,
    /// The link that led here, when the path asked for was one that may be followed.
    pub via: Option<PathBuf>,
}

impl Place {
    /// The full path, directories resolved.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path.join(&self.name)
    }

    /// What is there (a link being a link); `None` for nothing.
    ///
    /// # Errors
    /// What the system says.
    pub fn stat(&self) -> Result<Option<Stat>, HostError> {
        self.dir.stat_name(&self.name)
    }
}

impl Look {
    /// Opens and pins a directory; links on the way are resolved once, here.
    ///
    /// # Errors
    /// [`HostError::BadPath`] for a relative path; ENOTDIR; else what the system says.
    pub fn pin(&self, path: &Path) -> Result<Dir, HostError> {
        if !path.is_absolute() {
            return Err(HostError::BadPath { path: path.to_path_buf(), because: "it is not absolute" });
        }
        let real = self.real_path(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(CWD, &real, flags, Mode::empty()).map_err(|e| HostError::os("open", &real, e))?;
        Ok(Dir { fd, path: real })
    }

    /// Pins the place of a file. A symbolic link as last component is refused where the server's user could have put
    /// it; elsewhere its target is the place, and [`Place::via`] names the link.
    ///
    /// # Errors
    /// [`HostError::LinkRefused`]; [`HostError::BadPath`]; else what the system says about the directory.
    pub fn place(&self, path: &Path, planters: &Planters) -> Result<Place, HostError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(HostError::BadPath { path: path.to_path_buf(), because: "it names no file" });
        };
        let dir = self.pin(parent)?;
        let name = name.to_os_string();
        let is_link = dir.stat_name(&name)?.is_some_and(|stat| stat.kind == Kind::Link);
        if !is_link {
            return Ok(Place { dir, name, via: None });
        }
        let link = dir.path.join(&name);
        if let Some(who) = planters.of(&dir.stat()?) {
            return Err(HostError::LinkRefused { path: link, who });
        }
        // Only root could have made this link; but what it points at may again lie where others can plant links.
        let target = self.real_path(&link)?;
        let mut place = self.place(&target, planters)?;
        place.via = Some(link);
        Ok(place)
    }

    /// Why a file can't be replaced by renaming a new one over it; `None` when it can.
    ///
    /// # Errors
    /// As [`Look::place`].
    pub fn rename_problem(&self, path: &Path, planters: &Planters) -> Result<Option<String>, HostError> {
        let place = self.place(path, planters)?;
        let real = place.path();
        Ok(if self.is_mount_point(&real) {
            Some(format!(
                "{} is a mount of its own (a bind mount of one file?): it can't be renamed over",
                shown(&real)
            ))
        } else if !self.may_write(place.dir.path()) {
            Some(format!("names in {} can't be changed by this process", shown(place.dir.path())))
        } else {
            None
        })
    }
}
