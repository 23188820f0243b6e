//! What is wrong with YAML files: `redis-dr/lint/1`, or the lines with a caret under each mistake.
use super::{Context, out};
use crate::yaml::{self, Diag};
use schemars::JsonSchema;
use serde::Serialize;

/// Files that were judged.
#[derive(Debug, Default)]
pub struct Lint {
    files: Vec<Linted>,
    text: String,
    errors: usize,
}

/// `redis-dr/lint/1`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'a> {
    /// redis-dr/lint/1
    schema: &'static str,
    /// The files that were judged.
    files: &'a [Linted],
}

/// One mistake.
#[derive(Debug, Serialize, JsonSchema)]
struct Mistake {
    /// Its line, from 1.
    line: usize,
    /// Its column, from 1.
    column: usize,
    /// What is wrong.
    message: String,
    /// What was probably meant.
    hint: Option<String>,
}

/// One file.
#[derive(Debug, Serialize, JsonSchema)]
struct Linted {
    /// Its path.
    path: String,
    /// What is wrong with it; nothing where it is valid.
    errors: Vec<Mistake>,
}

impl Lint {
    /// One more file, with what is wrong with it.
    pub fn file(&mut self, path: &str, text: &str, diags: Vec<Diag>) {
        self.errors += diags.len();
        if !diags.is_empty() {
            self.text.push_str(&yaml::render(&diags, path, text));
            self.text.push('\n');
        }
        let one = |d: Diag| Mistake { line: d.line, column: d.column, message: d.message, hint: d.hint };
        self.files.push(Linted { path: path.to_string(), errors: diags.into_iter().map(one).collect() });
    }

    /// Prints it; the exit code.
    #[must_use]
    pub fn tell(&self, context: &Context) -> i32 {
        let files = counted(self.files.len(), "file");
        if context.global.json {
            out::json(&Document { schema: "redis-dr/lint/1", files: &self.files });
        } else if self.errors > 0 {
            out::line(&format!("{}{}, {files}", self.text, counted(self.errors, "error")));
        } else if !context.global.quiet {
            out::line(&format!("{files}, no errors"));
        }
        if self.errors > 0 { 2 } else { 0 }
    }
}

/// `1 error`, `2 errors`.
#[must_use]
pub fn counted(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}
