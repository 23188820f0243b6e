//! Whole lines from a person, without raw mode; Ctrl-C and the end of the input are answers too.
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

/// Where a person's lines come from.
pub trait Lines {
    /// The next line, trimmed; `None` on Ctrl-C and at the end of the input.
    fn next(&mut self) -> Option<String>;
}

/// Standard input. A thread reads it, so that a signal is noticed while nothing is typed.
pub struct Keyboard {
    interrupted: Box<dyn Fn() -> bool>,
    ends: Option<(Sender<()>, Receiver<Option<String>>)>,
}

impl Keyboard {
    /// Lines of standard input until `interrupted` says so.
    pub fn new(interrupted: Box<dyn Fn() -> bool>) -> Self {
        Self { interrupted, ends: None }
    }
}

/// The thread reads one line for each request; what was not asked for stays in the terminal.
fn reader() -> Option<(Sender<()>, Receiver<Option<String>>)> {
    let (ask, asked) = mpsc::channel::<()>();
    let (answer, answers) = mpsc::channel();
    std::thread::Builder::new()
        .name("keyboard".into())
        .spawn(move || {
            while asked.recv().is_ok() {
                let mut text = String::new();
                let read = std::io::stdin().read_line(&mut text);
                let line = matches!(read, Ok(n) if n > 0).then(|| text.trim().to_string());
                if answer.send(line).is_err() {
                    return;
                }
            }
        })
        .ok()?;
    Some((ask, answers))
}

impl Lines for Keyboard {
    fn next(&mut self) -> Option<String> {
        if (self.interrupted)() {
            return None;
        }
        if self.ends.is_none() {
            self.ends = reader();
        }
        let (ask, answers) = self.ends.as_ref()?;
        ask.send(()).ok()?;
        loop {
            match answers.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => return line,
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if (self.interrupted)() => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}
