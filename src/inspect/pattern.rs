//! Patterns of keys, as KEYS and SCAN MATCH have them.

/// `*`, `?`, `[abc]`, `[^a]`, `[a-c]`, and `\` before a byte that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<u8>);

impl Pattern {
    /// A pattern as it was typed.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// As it was typed.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// Does it fit the whole key? Takes at most as many steps as the lengths of both multiplied.
    #[must_use]
    pub fn fits(&self, key: &[u8]) -> bool {
        let (mut pattern, mut rest) = (self.0.as_slice(), key);
        // Where to go on when what follows the last `*` does not fit: one byte further.
        let mut retry: Option<(&[u8], &[u8])> = None;
        loop {
            if let [b'*', after @ ..] = pattern {
                (pattern, retry) = (after, Some((after, rest)));
                continue;
            }
            let step = match (pattern, rest) {
                ([], []) => return true,
                ([], _) | (_, []) => None,
                (_, [byte, further @ ..]) => one(pattern, *byte).map(|after| (after, further)),
            };
            match (step, retry) {
                (Some((after, further)), _) => (pattern, rest) = (after, further),
                (None, Some((after, [_, further @ ..]))) => {
                    (pattern, rest, retry) = (after, further, Some((after, further)));
                }
                (None, _) => return false,
            }
        }
    }
}

/// The pattern behind its first element, where that fits the byte.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', after @ ..] => Some(after),
        [b'[', class @ ..] => {
            let (negated, class) = class.strip_prefix(b"^").map_or((false, class), |class| (true, class));
            let (fits, after) = in_class(class, byte);
            (fits != negated).then_some(after)
        }
        [b'\\', literal, after @ ..] | [literal, after @ ..] => (*literal == byte).then_some(after),
        [] => None,
    }
}

/// Whether a class holds a byte, and what follows the class. One that is not closed ends with the pattern.
fn in_class(mut class: &[u8], byte: u8) -> (bool, &[u8]) {
    let mut fits = false;
    loop {
        class = match class {
            [] => return (fits, class),
            [b']', after @ ..] => return (fits, after),
            [b'\\', literal, after @ ..] => {
                fits |= *literal == byte;
                after
            }
            [from, b'-', to, after @ ..] => {
                fits |= (*from.min(to)..=*from.max(to)).contains(&byte);
                after
            }
            [literal, after @ ..] => {
                fits |= *literal == byte;
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_the_server() {
        let fits = |pattern: &str, key: &str| Pattern::new(pattern).fits(key.as_bytes());
        for (pattern, key) in [
            ("*", ""),
            ("user:*", "user:1"),
            ("*:end", "a:b:end"),
            ("h?llo", "hello"),
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hallo"),
            ("h[a-c]llo", "hbllo"),
            ("h[c-a]llo", "hbllo"),
            ("a\\*", "a*"),
            ("[\\]]", "]"),
            ("*a*b*", "xxaxxbxx"),
            ("a[bc", "ac"),
        ] {
            assert!(fits(pattern, key), "{pattern} {key}");
        }
        for (pattern, key) in
            [("", "a"), ("a", ""), ("h[^e]llo", "hello"), ("a\\*", "ab"), ("*a", "ab"), ("?", ""), ("user:*", "user")]
        {
            assert!(!fits(pattern, key), "{pattern} {key}");
        }
        assert!(!Pattern::new(&"*a".repeat(50)).fits("a".repeat(40).as_bytes()), "and ends");
    }
}
