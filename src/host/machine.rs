//! This machine and this process: names, clocks, users.

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{HostError, Look};

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Login name.
    pub name: String,
    /// Home directory.
    pub home: PathBuf,
}

/// A group of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Group id.
    pub gid: u32,
    /// Name.
    pub name: String,
}

impl Look {
    /// The user with this login name.
    ///
    /// # Errors
    /// [`HostError::NoSuchName`], or the user database can't be read.
    pub fn user(&self, name: &str) -> Result<User, HostError> {
        match nix::unistd::User::from_name(name) {
            Ok(Some(user)) => Ok(user.into()),
            Ok(None) => Err(HostError::NoSuchName { what: "user", name: name.to_string() }),
            Err(errno) => Err(HostError::os("read the users in", Path::new("/etc/passwd"), errno)),
        }
    }

    /// The user with this id; `None` when it has no name here (a container's user, for example).
    ///
    /// # Errors
    /// The user database can't be read.
    pub fn user_by_id(&self, uid: u32) -> Result<Option<User>, HostError> {
        nix::unistd::User::from_uid(uid.into())
            .map(|user| user.map(User::from))
            .map_err(|errno| HostError::os("read the users in", Path::new("/etc/passwd"), errno))
    }

    /// The group with this name.
    ///
    /// # Errors
    /// [`HostError::NoSuchName`], or the group database can't be read.
    pub fn group(&self, name: &str) -> Result<Group, HostError> {
        match nix::unistd::Group::from_name(name) {
            Ok(Some(group)) => Ok(Group { gid: group.gid.as_raw(), name: group.name }),
            Ok(None) => Err(HostError::NoSuchName { what: "group", name: name.to_string() }),
            Err(errno) => Err(HostError::os("read the groups in", Path::new("/etc/group"), errno)),
        }
    }

    /// All groups a user is in, the primary one among them.
    ///
    /// # Errors
    /// The name can't be asked for, or the group database can't be read.
    pub fn groups_of(&self, user: &User) -> Result<Vec<u32>, HostError> {
        let name = CString::new(user.name.as_str())
            .map_err(|_| HostError::NoSuchName { what: "user", name: user.name.escape_debug().to_string() })?;
        nix::unistd::getgrouplist(&name, user.gid.into())
            .map(|groups| groups.into_iter().map(nix::unistd::Gid::as_raw).collect())
            .map_err(|errno| HostError::os("read the groups in", Path::new("/etc/group"), errno))
    }

    /// The user this process acts as.
    #[must_use]
    pub fn uid(&self) -> u32 {
        nix::unistd::geteuid().as_raw()
    }

    /// The group this process acts as.
    #[must_use]
    pub fn gid(&self) -> u32 {
        nix::unistd::getegid().as_raw()
    }

    /// True when this process acts as root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        nix::unistd::geteuid().is_root()
    }

    /// Process id of this process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        std::process::id()
    }

    /// This machine's host name; `localhost` when it has none.
    #[must_use]
    pub fn hostname(&self) -> String {
        let name = sysinfo::System::host_name().filter(|name| !name.is_empty());
        name.unwrap_or_else(|| "localhost".to_string())
    }

    /// A variable of our own environment, for a program that is told of it by name; `None` where it is not set, or no text.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// The kernel's id of the present boot; `None` where /proc doesn't tell.
    #[must_use]
    pub fn boot_id(&self) -> Option<String> {
        let text = self.read_text(Path::new("/proc/sys/kernel/random/boot_id"), 256).ok()?;
        Some(text.trim().to_string())
    }

    /// The wall clock.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    /// The wall clock at a moment that systemd gives in microseconds of the monotonic clock.
    #[must_use]
    pub fn wall_clock_at(&self, micros: u64) -> Option<jiff::Timestamp> {
        let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).ok()?;
        let ago = Duration::from(now).checked_sub(Duration::from_micros(micros))?;
        self.now().checked_sub(jiff::SignedDuration::try_from(ago).ok()?).ok()
    }

    /// The monotonic clock, for deadlines.
    #[must_use]
    pub fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

impl From<nix::unistd::User> for User {
    fn from(user: nix::unistd::User) -> Self {
        User { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name, home: user.dir }
    }
}
