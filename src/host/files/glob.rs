//! Names with wildcards, as `include /etc/redis/conf.d/*.conf` has them.
use super::Look;
use std::path::{Path, PathBuf};

impl Look {
    /// Files that match a pattern whose last component alone has wildcards; none where the directory can't be read.
    #[must_use]
    pub fn glob(&self, pattern: &str) -> Vec<PathBuf> {
        let path = Path::new(pattern);
        let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str())) else {
            return vec![];
        };
        let Ok(entries) = self.list(dir) else {
            return vec![];
        };
        let fits = |candidate: &str| fits(name.as_bytes(), candidate.as_bytes());
        let mut found: Vec<PathBuf> =
            entries.iter().filter_map(|e| e.name.to_str()).filter(|n| fits(n)).map(|n| dir.join(n)).collect();
        found.sort();
        found
    }
}

/// `*` and `?` as in a shell; a leading dot is not matched by them.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    fn from(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                from(rest, name) || name.split_first().is_some_and(|(_, shorter)| from(pattern, shorter))
            }
            (Some((b'?', rest)), Some((_, shorter))) => from(rest, shorter),
            (Some((p, rest)), Some((n, shorter))) if p == n => from(rest, shorter),
            _ => false,
        }
    }
    !(name.first() == Some(&b'.') && pattern.first() != Some(&b'.')) && from(pattern, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        assert!(fits(b"*.conf", b"a.conf"));
        assert!(!fits(b"*.conf", b".a.conf"));
        assert!(fits(b"a?c*", b"abcdef"));
        assert!(!fits(b"a?c", b"ac"));
    }
}
