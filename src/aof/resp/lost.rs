//! What a cut takes away, as text to look at before it is done.
use std::io::{self, Read};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chunks::fill;
use super::frame::{self, Frame};
use super::text;

/// Commands that are shown.
const SHOWN: usize = 50;
/// A command longer than this is shown by its start.
const WINDOW: usize = 256 * 1024;

/// The bytes behind a cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LostCommands {
    /// The first commands, printable: control characters escaped, long words cut short.
    pub shown: Vec<String>,
    /// Complete commands in all, up to the first bytes that are none.
    pub commands: u64,
    /// What follows them, printable: the incomplete command, or the first bytes that are no command.
    pub rest: Option<String>,
    /// All bytes.
    pub bytes: u64,
}

/// Reads the bytes that a cut removes and shows the commands in them: at most 50 one by one.
///
/// # Errors
/// Those of the reader.
pub fn lost_commands<R: Read>(mut reader: R) -> io::Result<LostCommands> {
    let mut window = vec![0; WINDOW];
    let (mut from, mut to, mut lost) = (0, 0, LostCommands::default());
    loop {
        let bytes = window.get(from..to).unwrap_or(&[]);
        let short = match bytes.first() {
            None => true,
            Some(b'*') => match frame::command(bytes, 0) {
                Frame::Command { end, .. } => {
                    show(&mut lost, || text::command(bytes.get(..end).unwrap_or(&[])));
                    from += end;
                    continue;
                }
                Frame::Short => true,
                Frame::Bad => false,
            },
            Some(b'#') => match memchr::memchr(b'\n', bytes) {
                Some(end) => {
                    from += end + 1;
                    continue;
                }
                None => true,
            },
            Some(_) => false,
        };
        if !short {
            break;
        }
        window.copy_within(from..to, 0);
        (from, to) = (0, to - from);
        let room = window.get_mut(to..).unwrap_or(&mut []);
        if room.is_empty() {
            break;
        }
        let got = fill(&mut reader, room)?;
        if got == 0 {
            break;
        }
        lost.bytes += got as u64;
        to += got;
    }
    let rest = window.get(from..to).unwrap_or(&[]);
    lost.rest = (!rest.is_empty()).then(|| remains(rest));
    lost.bytes += io::copy(&mut reader, &mut io::sink())?;
    Ok(lost)
}

fn show(lost: &mut LostCommands, text: impl FnOnce() -> String) {
    lost.commands += 1;
    if lost.shown.len() < SHOWN {
        lost.shown.push(text());
    }
}

fn remains(bytes: &[u8]) -> String {
    match frame::command(bytes, 0) {
        Frame::Short if bytes.first() == Some(&b'*') => {
            format!("{} … (incomplete)", text::command(bytes))
        }
        _ if bytes.iter().all(|b| *b == 0) => format!("{} zero bytes", bytes.len()),
        _ => text::printable(bytes.get(..bytes.len().min(64)).unwrap_or(bytes)),
    }
}
