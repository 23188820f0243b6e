//! A configuration that is not valid.
use crate::yaml::{self, Diag};

/// Every mistake in a configuration. Displays as the complete text for a person, carets included, without a final newline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", rendered.trim_end())]
pub struct ConfigError {
    /// The file, as it was named to the reader.
    pub file: String,
    /// The mistakes, in the order written.
    pub diags: Vec<Diag>,
    rendered: String,
}

impl ConfigError {
    pub(super) fn new(diags: Vec<Diag>, file: &str, text: &str) -> Self {
        Self { rendered: yaml::render(&diags, file, &masked(text)), file: file.to_owned(), diags }
    }

    /// Each mistake on one line, `file:line:column: message`, for the JSON error document.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let file = yaml::printable(&self.file);
        let line = |d: &Diag| format!("{file}:{}:{}: {}", d.line, d.column, d.message);
        self.diags.iter().map(line).collect()
    }

    /// What to do about the first mistake.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.diags.iter().find_map(|d| d.hint.as_deref())
    }

    /// The process's exit code: always 2.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        2
    }
}

/// Keys after which a person may have written a password.
const SECRET_KEYS: [&str; 8] =
    ["password", "passwd", "pass", "requirepass", "masterauth", "secret", "auth", "password_env"];

/// The text with what may be a password starred out, characters kept in place so that carets still fit.
fn masked(text: &str) -> String {
    text.split_inclusive('\n').map(masked_line).collect()
}

fn masked_line(line: &str) -> String {
    let mut from = line.len();
    for (colon, _) in line.match_indices(':') {
        let key = line[..colon].trim_end().trim_end_matches(['"', '\'']);
        let start = key.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').map_or(0, |i| i + 1);
        let key = key.get(start..).unwrap_or("").to_ascii_lowercase();
        let value = line[colon + 1..].trim_start();
        let harmless = value.starts_with('{') && key == "auth";
        if SECRET_KEYS.contains(&key.as_str()) && !harmless {
            from = from.min(colon + 1);
        }
    }
    // A URI with user information: redis://:password@host.
    if let (Some(scheme), Some(at)) = (line.find("://"), line.rfind('@'))
        && scheme < at
    {
        from = from.min(scheme + 3);
    }
    let (kept, secret) = line.split_at(from);
    let stars = secret.chars().map(|c| if c.is_whitespace() { c } else { '*' });
    kept.chars().chain(stars).collect()
}
