//! POSIX ACLs (`acl(5)`): whom one lets do what, and one that lets a user do more.

use std::fmt;
use std::str::FromStr;

use super::stat::{Access, Owner};

/// The attribute that an ACL is kept in.
pub(super) const ACL: &str = "system.posix_acl_access";
/// The only version of its form (`linux/posix_acl_xattr.h`).
const VERSION: u32 = 2;
/// What entries that name nobody have for an id.
const NOBODY: u32 = u32::MAX;

/// Whom an entry speaks of; the numbers are the kernel's (`linux/posix_acl.h`), and sorted as it wants them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
enum Tag {
    Owner = 0x01,
    User = 0x02,
    OwningGroup = 0x04,
    Group = 0x08,
    Mask = 0x10,
    Other = 0x20,
}

const TAGS: [(Tag, &str); 6] = [
    (Tag::Owner, "user"),
    (Tag::User, "user"),
    (Tag::OwningGroup, "group"),
    (Tag::Group, "group"),
    (Tag::Mask, "mask"),
    (Tag::Other, "other"),
];

impl Tag {
    /// Does it name a user or a group?
    fn names(self) -> bool {
        matches!(self, Tag::User | Tag::Group)
    }

    /// Is what it gives limited by the mask?
    fn is_masked(self) -> bool {
        matches!(self, Tag::User | Tag::OwningGroup | Tag::Group)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    tag: Tag,
    id: u32,
    bits: u32,
}

/// An ACL with entries beyond what the permission bits say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    entries: Vec<Entry>,
}

impl Acl {
    /// Reads the attribute's value; `None` for another version, or what is no ACL.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (version, rest) = value.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*version) != VERSION || rest.len() % 8 != 0 {
            return None;
        }
        let entry = |raw: &[u8]| {
            let number = u16::from_le_bytes([raw[0], raw[1]]);
            let (tag, _) = *TAGS.iter().find(|(tag, _)| *tag as u16 == number)?;
            let bits = u32::from(u16::from_le_bytes([raw[2], raw[3]]));
            Some(Entry { tag, bits, id: u32::from_le_bytes([raw[4], raw[5], raw[6], raw[7]]) })
        };
        Some(Self { entries: rest.chunks_exact(8).map(entry).collect::<Option<_>>()? })
    }

    /// The attribute's value.
    #[must_use]
    pub fn value(&self) -> Vec<u8> {
        let mut value = VERSION.to_le_bytes().to_vec();
        for entry in &self.entries {
            value.extend((entry.tag as u16).to_le_bytes());
            value.extend(u16::try_from(entry.bits).unwrap_or(0).to_le_bytes());
            value.extend(entry.id.to_le_bytes());
        }
        value
    }

    fn mask(&self) -> u32 {
        self.entries.iter().find(|e| e.tag == Tag::Mask).map_or(7, |mask| mask.bits)
    }

    /// Whether it allows `uid` (with all of `groups`) this access to a file of `owner`, as the kernel decides: the owner,
    /// then a user it names, then any group that allows it, then all others; only the first that fits counts. Not for root.
    #[must_use]
    pub fn allows(&self, owner: Owner, uid: u32, groups: &[u32], access: Access) -> bool {
        let mask = self.mask();
        let gives = |e: &Entry| (if e.tag.is_masked() { e.bits & mask } else { e.bits }) & access.bit() != 0;
        let of = |tag: Tag| self.entries.iter().filter(move |e| e.tag == tag);
        if uid == owner.uid {
            return of(Tag::Owner).any(gives);
        }
        if let Some(named) = of(Tag::User).find(|e| e.id == uid) {
            return gives(named);
        }
        let mut mine = self.entries.iter().filter(|e| match e.tag {
            Tag::OwningGroup => groups.contains(&owner.gid),
            Tag::Group => groups.contains(&e.id),
            _ => false,
        });
        let first = mine.next();
        if let Some(first) = first {
            return gives(first) || mine.any(gives);
        }
        of(Tag::Other).any(gives)
    }

    /// The same, and `uid` may also do what `bits` say. Nobody else may do more than before, although the mask is wider.
    #[must_use]
    pub fn granting(&self, uid: u32, bits: u32) -> Self {
        let mask = self.mask();
        let mut entries = self.entries.clone();
        for entry in entries.iter_mut().filter(|e| e.tag.is_masked()) {
            entry.bits &= mask;
        }
        match entries.iter_mut().find(|e| e.tag == Tag::User && e.id == uid) {
            Some(entry) => entry.bits |= bits,
            None => entries.push(Entry { tag: Tag::User, id: uid, bits }),
        }
        entries.retain(|e| e.tag != Tag::Mask);
        entries.push(Entry { tag: Tag::Mask, id: NOBODY, bits: mask | bits });
        entries.sort_unstable();
        Self { entries }
    }

    /// The permission bits of a file that has it: those for the group are its mask.
    #[must_use]
    pub fn mode(&self, was: u32) -> u32 {
        (was & !0o070) | self.mask() << 3
    }
}

/// The short text form of `acl(5)`, users and groups by number: `user::rw-,user:999:r--,group::r--,mask::r--,other::---`.
impl fmt::Display for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, entry) in self.entries.iter().enumerate() {
            let word = TAGS.iter().find(|(tag, _)| *tag == entry.tag).map_or("", |(_, word)| word);
            let id = if entry.tag.names() { entry.id.to_string() } else { String::new() };
            let right = |bit: u32, letter: char| if entry.bits & bit == 0 { '-' } else { letter };
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{word}:{id}:{}{}{}", right(4, 'r'), right(2, 'w'), right(1, 'x'))?;
        }
        Ok(())
    }
}

impl FromStr for Acl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let entry = |part: &str| {
            let mut fields = part.split(':');
            let (Some(word), Some(id), Some(rights), None) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                return None;
            };
            let (tag, _) = *TAGS.iter().find(|(tag, w)| *w == word && tag.names() != id.is_empty())?;
            let id = if tag.names() { id.parse().ok()? } else { NOBODY };
            let bits = rights.chars().try_fold(0, |bits, c| match c {
                'r' => Some(bits | 4),
                'w' => Some(bits | 2),
                'x' => Some(bits | 1),
                '-' => Some(bits),
                _ => None,
            })?;
            Some(Entry { tag, id, bits })
        };
        let entries = text.split(',').map(entry).collect::<Option<_>>();
        entries.map(|entries| Self { entries }).ok_or_else(|| format!("{text:?} is no ACL"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const OWNER: Owner = Owner { uid: 0, gid: 0, mode: 0o640 };

    fn acl(text: &str) -> Acl {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_entry_that_fits_decides_and_the_mask_limits_it() {
        let shut = acl("user::rw-,user:65534:---,group::r--,mask::r--,other::r--");
        assert!(!shut.allows(OWNER, 65534, &[0], Access::Read), "its own entry comes before group and others");
        assert!(shut.allows(OWNER, 7, &[7], Access::Read), "all others");
        let masked = acl("user::rw-,user:65534:rw-,group::r--,mask::r--,other::---");
        assert!(masked.allows(OWNER, 65534, &[], Access::Read));
        assert!(!masked.allows(OWNER, 65534, &[], Access::Write), "the mask takes it away");
        assert!(masked.allows(OWNER, 0, &[], Access::Write), "the owner is not masked");
        let groups = acl("user::rw-,group::---,group:5:r--,mask::rwx,other::rwx");
        assert!(groups.allows(OWNER, 9, &[0, 5], Access::Read), "one of the groups allows it");
        assert!(!groups.allows(OWNER, 9, &[0, 5], Access::Write), "others do not count once a group fits");
    }

    #[test]
    fn a_grant_gives_nobody_else_anything() {
        let was = acl("user::rw-,user:7:rwx,user:65534:---,group::rw-,mask::---,other::---");
        let now = was.granting(65534, 4);
        assert_eq!(now.to_string(), "user::rw-,user:7:---,user:65534:r--,group::---,mask::r--,other::---");
        assert_eq!(now.mode(0o600), 0o640);
        let new = acl("user::rw-,group:5:r--,group::r--,mask::r--,other::---").granting(3, 4).to_string();
        assert_eq!(new, "user::rw-,user:3:r--,group::r--,group:5:r--,mask::r--,other::---");
    }

    #[test]
    fn its_value_and_its_text_say_the_same() {
        let one = acl("user::rw-,user:65534:r--,group::r-x,mask::r--,other::---");
        assert_eq!(Acl::parse(&one.value()), Some(one.clone()));
        assert_eq!(one.value()[..12], [2, 0, 0, 0, 1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff]);
        for bad in [&b""[..], b"\x01\0\0\0", b"\x02\0\0\0\x01", b"\x02\0\0\0\x03\0\x06\0\0\0\0\0"] {
            assert_eq!(Acl::parse(bad), None);
        }
        for bad in ["", "user", "user::rwz", "group:x:r--", "mask:5:r--"] {
            assert!(bad.parse::<Acl>().is_err(), "{bad}");
        }
    }
}
