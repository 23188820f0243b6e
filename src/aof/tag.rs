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
    let name = own.or_else(foreign).filter(|name| !name.is_empty() && name.len() <= 128)?;
    // Tags go again, as keys do: that is no mark.
    let writes =
        !matches!(command, b"del" | b"unlink" | b"expire" | b"pexpire" | b"expireat" | b"pexpireat" | b"persist");
    writes.then(|| super::resp::printable(name))
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
}
