//! Tags: marks in an AOF that a cut can be made at, for servers that write no timestamps. A tag is a key that is written
//! at the moment it marks.

/// What the keys of our own tags begin with.
pub const PREFIX: &str = "redis-dr:tag:";

/// The name of the tag that a command is, by its name (in lower case) and its key: of our own what follows the prefix, of
/// others (`TAG` and a number, such as `TAG111101_1200`) the whole key.
#[must_use]
pub fn name(command: &[u8], key: &[u8]) -> Option<String> {
    let own = key.strip_prefix(PREFIX.as_bytes());
    let foreign = || matches!(key, [b'T' | b't', b'A' | b'a', b'G' | b'g', b'0'..=b'9', ..]).then_some(key);
    let name = own.or_else(foreign).filter(|name| !name.is_empty() && name.len() <= LONGEST)?;
    writes(command).then(|| super::resp::printable(name))
}

/// The longest name of a tag, in bytes.
const LONGEST: usize = 128;

/// May a tag of ours be called so? What it is listed under is then what it is asked for by.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    !name.is_empty() && name.len() <= LONGEST && name.chars().all(fine)
}

/// Is there a tag of ours, or a foreign one, somewhere in these bytes of an AOF? They may begin and end anywhere.
#[must_use]
pub fn is_in(bytes: &[u8]) -> bool {
    if memchr::memmem::find(bytes, PREFIX.as_bytes()).is_some() {
        return true;
    }
    // a key stands behind the line of its length
    memchr::memmem::find_iter(bytes, b"\nTAG").any(|at| bytes.get(at + 4).is_some_and(u8::is_ascii_digit))
}

/// Does a command, by its name (in lower case) and its key, write the tag that somebody names? Also a key of any other form
/// is one once it is asked for by its whole name.
#[must_use]
pub fn marks(wanted: &str, command: &[u8], key: &[u8]) -> bool {
    (key == wanted.as_bytes() && writes(command)) || name(command, key).is_some_and(|name| name == wanted)
}

/// Tags go again, as keys do: that is no mark.
fn writes(command: &[u8]) -> bool {
    !matches!(command, b"del" | b"unlink" | b"expire" | b"pexpire" | b"expireat" | b"pexpireat" | b"persist")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_and_foreign_tags_are_told_from_keys() {
        let of = |key: &str| name(b"set", key.as_bytes());
        assert_eq!(of("redis-dr:tag:before-migration").as_deref(), Some("before-migration"));
        assert_eq!(of("TAG111101_1200").as_deref(), Some("TAG111101_1200"));
        for no in ["redis-dr:tag:", "TAGS", "tag:1", "user:TAG1"] {
            assert_eq!(of(no), None, "{no}");
        }
        assert_eq!(name(b"del", b"TAG1"), None);
    }

    #[test]
    fn tags_are_seen_in_any_piece_of_an_aof() {
        assert!(is_in(b"..$3\r\nset\r\n$19\r\nredis-dr:tag:monday\r\n") && is_in(b"$4\r\nTAG1\r\n"));
        assert!(!is_in(b"$4\r\nTAGS\r\n") && !is_in(b"xTAG1") && !is_in(b""));
        assert!(is_name("2026-11-21T03:12:30Z") && !is_name("") && !is_name("two words") && !is_name(&"x".repeat(129)));
    }

    #[test]
    fn a_tag_is_asked_for_by_the_name_it_is_listed_under_or_by_its_whole_key() {
        for (wanted, key) in [
            ("monday", "redis-dr:tag:monday"),
            ("redis-dr:tag:monday", "redis-dr:tag:monday"),
            ("TAG1", "TAG1"),
            ("mark", "mark"),
        ] {
            assert!(marks(wanted, b"set", key.as_bytes()), "{wanted}");
            assert!(!marks(wanted, b"persist", key.as_bytes()), "{wanted}");
        }
        assert!(!marks("monday", b"set", b"redis-dr:tag:tuesday"));
    }
}
