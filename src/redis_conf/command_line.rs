//! The start command: which file it names, and what its options say after that file.
use super::line::{repr, split_args};
use super::names::ServerVersion;
use std::path::PathBuf;

/// How a server was, or would be, started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// Directory the server is started in; relative names count from it.
    pub cwd: PathBuf,
    /// Configuration file, as given.
    pub config_file: Option<PathBuf>,
    /// Configuration read from standard input, if it is known.
    pub stdin: Option<Vec<u8>>,
    /// True if the command line asks for standard input (`-`).
    pub reads_stdin: bool,
    /// The arguments after the file, unchanged. May hold secrets: not for printing.
    pub options: Vec<String>,
}

impl Start {
    /// A start with a file and nothing else.
    #[must_use]
    pub fn with_file(file: impl Into<PathBuf>) -> Self {
        Self { cwd: PathBuf::from("/"), config_file: Some(file.into()), ..Self::default() }
    }

    /// Reads a command line whose first word is the program, as the server's `main` does.
    #[must_use]
    pub fn from_argv(argv: &[String], cwd: impl Into<PathBuf>) -> Self {
        let mut start = Self { cwd: cwd.into(), ..Self::default() };
        let mut rest = argv.get(1..).unwrap_or_default();
        if let Some(first) = rest.first() {
            if !first.starts_with('-') {
                start.config_file = Some(PathBuf::from(first));
                rest = &rest[1..];
            } else if first == "-" {
                start.reads_stdin = true;
                rest = &rest[1..];
            }
        }
        if rest.last().is_some_and(|last| last == "-") {
            start.reads_stdin = true;
            rest = &rest[..rest.len() - 1];
        }
        start.options = rest.to_vec();
        start
    }

    /// The options as the lines the server makes of them and parses after the file.
    pub(super) fn options_as_text(&self, version: Option<ServerVersion>) -> Vec<u8> {
        let careful = version.is_none_or(ServerVersion::since_seven);
        let mut text: Vec<u8> = Vec::new();
        let mut may_be_name = true;
        for (at, word) in self.options.iter().enumerate() {
            let Some(name) = word.strip_prefix("--").filter(|_| may_be_name) else {
                text.extend(repr(word.as_bytes()));
                text.push(b' ');
                may_be_name = true;
                continue;
            };
            if !text.is_empty() {
                text.push(b'\n');
            }
            text.extend(name.as_bytes());
            text.push(b' ');
            // From 7.0 on a bare option takes the next word as its value even when that starts with `--`; only
            // `--save` keeps the older reading, where nothing after it means an empty list.
            let bare = split_args(word.as_bytes()).is_ok_and(|words| words.len() == 1);
            if careful && bare {
                let next_is_option = self.options.get(at + 1).is_none_or(|next| next.starts_with("--"));
                let empty_save = word.eq_ignore_ascii_case("--save") && next_is_option;
                if empty_save {
                    text.extend(b"\"\"");
                }
                may_be_name = empty_save;
            }
        }
        text
    }
}
