//! Extended attributes worth keeping: ACL, SELinux label, and the owner's own.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::XattrFlags;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::acl::{ACL, Acl};
use super::{HostError, Look};

/// One extended attribute of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attr {
    /// Its full name (`security.selinux`).
    pub name: String,
    /// Its value, hexadecimal.
    pub value: String,
}

/// The attribute that an SELinux label is kept in.
const LABEL: &str = "security.selinux";

/// Largest value the kernel allows.
const LARGEST: usize = 64 * 1024;

/// Access rights and labels always; the owner's `user.*` attributes too, since "as before" means all of it.
fn kept(name: &str) -> bool {
    matches!(name, ACL | "system.posix_acl_default" | LABEL) || name.starts_with("user.")
}

impl Attr {
    /// This ACL.
    #[must_use]
    pub fn acl(acl: &Acl) -> Self {
        Attr { name: ACL.to_string(), value: hex(&acl.value()) }
    }

    /// This SELinux label; the kernel ends it with a zero byte.
    #[must_use]
    pub fn label(label: &str) -> Self {
        Attr { name: LABEL.to_string(), value: hex(&[label.as_bytes(), b"\0"].concat()) }
    }

    /// Does it say who may do what (an ACL, a label), and is no remark of the owner's own?
    #[must_use]
    pub fn is_right(&self) -> bool {
        !self.name.starts_with("user.")
    }

    /// Is it an SELinux label?
    #[must_use]
    pub fn is_label(&self) -> bool {
        self.name == LABEL
    }
}

impl Look {
    /// The ACL, the SELinux label and the `user.*` attributes of an open file; empty where the filesystem has none.
    ///
    /// # Errors
    /// The attributes are there but can't be read.
    pub fn attrs(&self, file: &File, path: &Path) -> Result<Vec<Attr>, HostError> {
        let mut names = vec![0_u8; LARGEST];
        let len = match rustix::fs::flistxattr(file, names.as_mut_slice()) {
            Ok(len) => len,
            Err(e) if unsupported(e) => return Ok(Vec::new()),
            Err(e) => return Err(HostError::os("list the attributes of", path, e)),
        };
        let mut attrs = Vec::new();
        let names = names[..len].split(|b| *b == 0).filter_map(|name| std::str::from_utf8(name).ok());
        for name in names.filter(|name| kept(name)) {
            let mut value = vec![0_u8; LARGEST];
            match rustix::fs::fgetxattr(file, name, value.as_mut_slice()) {
                Ok(len) => attrs.push(Attr { name: name.to_string(), value: hex(&value[..len]) }),
                Err(Errno::NODATA) => {}
                Err(e) if unsupported(e) => {}
                Err(e) => return Err(HostError::os("read the attributes of", path, e)),
            }
        }
        attrs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(attrs)
    }

    /// The ACL and the SELinux label of a path that this process may not open; what can't be read is left out.
    #[must_use]
    pub fn rights_attrs(&self, path: &Path) -> Vec<Attr> {
        let read = |name: &str| Some(Attr { name: name.to_string(), value: hex(&value_of(path, name)?) });
        [LABEL, ACL, "system.posix_acl_default"].into_iter().filter_map(read).collect()
    }

    /// The ACL of a path, links followed; `None` where its permission bits say all, or the filesystem has none.
    #[must_use]
    pub fn acl(&self, path: &Path) -> Option<Acl> {
        Acl::parse(&value_of(path, ACL)?)
    }

    /// The SELinux label of a path, links followed; `None` where it has none.
    #[must_use]
    pub fn label(&self, path: &Path) -> Option<String> {
        let value = value_of(path, LABEL)?;
        let text = String::from_utf8_lossy(&value).trim_end_matches('\0').to_string();
        (!text.is_empty()).then_some(text)
    }

    /// Does SELinux keep processes from what their labels do not allow?
    #[must_use]
    pub fn selinux_enforces(&self) -> bool {
        self.read_text(Path::new("/sys/fs/selinux/enforce"), 16).is_ok_and(|text| text.trim() == "1")
    }
}

fn value_of(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0_u8; LARGEST];
    let len = rustix::fs::getxattr(path, name, value.as_mut_slice()).ok()?;
    value.truncate(len);
    Some(value)
}

/// Gives an open file these attributes, and takes away an ACL it must not have.
///
/// A filesystem without attributes, or a label this process may not set, is no failure: the kernel then gives the
/// directory's default, which is what a file made by the server would have got.
pub(super) fn set(file: &File, attrs: &[Attr], path: &Path) -> Result<(), HostError> {
    let look = Look::new();
    let have = look.attrs(file, path)?;
    for attr in attrs.iter().filter(|attr| !have.contains(attr) && kept(&attr.name)) {
        let Some(value) = unhex(&attr.value) else {
            return Err(HostError::os("set the attributes of", path, io::Error::from(io::ErrorKind::InvalidData)));
        };
        match rustix::fs::fsetxattr(file, attr.name.as_str(), &value, XattrFlags::empty()) {
            Ok(()) => {}
            Err(e) if unsupported(e) => {}
            Err(Errno::PERM | Errno::ACCESS) if attr.is_label() => {}
            Err(e) => return Err(HostError::os("set the attributes of", path, e)),
        }
    }
    let wanted = |name: &str| attrs.iter().any(|attr| attr.name == name);
    for attr in have.iter().filter(|attr| !attr.is_label() && !wanted(&attr.name)) {
        match rustix::fs::fremovexattr(file, attr.name.as_str()) {
            Ok(()) | Err(Errno::NODATA) => {}
            Err(e) if unsupported(e) => {}
            Err(e) => return Err(HostError::os("set the attributes of", path, e)),
        }
    }
    Ok(())
}

fn unsupported(e: Errno) -> bool {
    e == Errno::OPNOTSUPP || e == Errno::NOTSUP || e == Errno::NOSYS
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |text, b| text + &format!("{b:02x}"))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_values_survive_as_text() {
        assert_eq!(unhex(&hex(b"\x00\xffA")), Some(b"\x00\xffA".to_vec()));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
    }
}
