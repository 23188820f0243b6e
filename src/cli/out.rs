//! The only place that writes to standard output and standard error. A reader that went away is no error; a full disk is.
use crate::report::Width;
use std::io::{ErrorKind, Write};
use std::sync::OnceLock;

/// Why standard output did not take what was said; the first time.
static LOST: OnceLock<std::io::Error> = OnceLock::new();

/// One text and a line end on standard output.
pub fn line(text: &str) {
    page(&format!("{text}\n"));
}

/// A text with its own line ends on standard output.
pub fn page(text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(e) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && e.kind() != ErrorKind::BrokenPipe
    {
        let _ = LOST.set(e);
    }
}

/// Why something that was said did not arrive on standard output; `None` where all of it did, or nobody reads any more.
#[must_use]
pub fn lost() -> Option<&'static std::io::Error> {
    LOST.get()
}

/// One document as JSON on standard output.
pub fn json(value: &impl serde::Serialize) {
    line(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// One text and a line end on standard error.
pub fn note(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "{text}");
}

/// A question on standard error; the cursor stays behind it.
pub fn ask(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "{text}");
    let _ = out.flush();
}

/// How wide a page on standard output is: that of the terminal, else without a limit.
#[must_use]
pub fn width() -> Width {
    of(&console::Term::stdout())
}

/// The same of standard error, where a person reads while standard output belongs to one document.
#[must_use]
pub fn width_of_notes() -> Width {
    of(&console::Term::stderr())
}

fn of(terminal: &console::Term) -> Width {
    match terminal.size_checked() {
        Some((_, columns)) if terminal.is_term() => Width::columns(columns.into()),
        _ => Width::unlimited(),
    }
}
