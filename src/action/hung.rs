//! `service.wake` and `service.kill`: a server that is there and does not answer.
use super::results::{Killed, Woken};
use super::{Act, ActError, Change, ChangeKind, Done, Effects, Hands, RepeatClass, ServiceKill, ServiceWake, Site};
use crate::facts::Seconds;
use crate::host::process::Proc;
use crate::server::ServerError;
use serde_json::{Value, json};
use std::fmt::Write;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How many probes must agree that it does not answer.
const PROBES: u64 = 3;
/// From one probe to the next: three of them take half a minute.
const APART: Duration = Duration::from_secs(15);
/// How long a killed process may take to be gone.
const UNTIL_GONE: Duration = Duration::from_secs(10);

impl Act for ServiceWake {
    fn effects(&self, site: &Site) -> Effects {
        Effects {
            changes: vec![
                Change {
                    what: "the process is continued if a signal stopped it; a script that has written nothing is ended"
                        .into(),
                    kind: ChangeKind::Service,
                },
                Change { what: evidence_path(&site.vault_dir).display().to_string(), kind: ChangeKind::Create },
            ],
            class: RepeatClass::Idempotent,
            undo_text: "nothing to undo: nothing is stopped, and nothing is lost".into(),
            ..Effects::none()
        }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let proc = process(hands)?;
        let evidence = keep_evidence(hands, &proc)?;
        hands.service.resume()?;
        let script = end_script(hands);
        let begun = Instant::now();
        loop {
            if let Some(answer) = heard(hands) {
                let enough = Some(format!("the server answers again: {answer}"));
                return Ok(json!(Woken { evidence, script, enough }));
            }
            if begun.elapsed() >= self.timeout.duration() {
                return Ok(json!(Woken { evidence, script, enough: None }));
            }
            pause(hands, Duration::from_millis(200))?;
        }
    }
}

impl Act for ServiceKill {
    fn effects(&self, site: &Site) -> Effects {
        let unit = site.unit.clone().unwrap_or_else(|| "the server".into());
        Effects {
            changes: vec![Change {
                what: format!("{unit}: killed and held, if {PROBES} probes over 30 s get no answer"),
                kind: ChangeKind::Service,
            }],
            class: RepeatClass::Checkable,
            undo_text: "none: a process that was killed does not come back. The server stays down and held".into(),
            ..Effects::none()
        }
    }

    fn already_done(&self, hands: &mut Hands<'_>, _: &Value) -> Done {
        match hands.running() {
            Ok(None) => Done::Yes("its process is gone".into()),
            _ => Done::No,
        }
    }

    fn perform(&self, hands: &mut Hands<'_>) -> Result<Value, ActError> {
        let begun = Instant::now();
        let mut saving = None;
        for probe in 0..PROBES {
            while begun.elapsed() < APART * u32::try_from(probe).unwrap_or(0) {
                pause(hands, Duration::from_millis(200))?;
            }
            (hands.progress)("probe", probe + 1, Some(PROBES));
            if let Some(answer) = heard(hands) {
                let enough = Some(format!("the server answers again: {answer}"));
                return Ok(json!(Killed { killed: None, silent_seconds: None, enough }));
            }
            let proc = process(hands)?;
            // SAVE and the save of a shutdown block the server; killed now, what it is saving would be lost
            let temp = hands.site.data_dir.join(format!("temp-{}.rdb", proc.pid()));
            let size = hands.look.stat(&temp).ok().map(|s| s.size);
            if probe > 0 && size.is_some() && size != saving {
                return Err(ActError::failed(
                    format!("it does not answer because it is writing a snapshot, {}", temp.display()),
                    "wait until it has finished",
                ));
            }
            saving = size;
        }
        hands.hold()?;
        let pid = hands.kill(UNTIL_GONE)?;
        let silent_seconds = Some(Seconds(begun.elapsed().as_secs_f64()));
        Ok(json!(Killed { killed: pid, silent_seconds, enough: None }))
    }
}

/// The process of this instance; one that waits for a device is left alone.
fn process(hands: &Hands<'_>) -> Result<Proc, ActError> {
    let Some(proc) = hands.service.running()? else {
        return Err(ActError::failed("its process is gone", "redis-dr recover looks again"));
    };
    if proc.state == 'D' {
        return Err(ActError::failed(
            format!("process {} waits for a device (state D); no signal reaches it", proc.pid()),
            "look at the disk and the kernel's log; it goes on when the device answers",
        ));
    }
    Ok(proc)
}

/// What it answers, if it answers anything but that a script blocks it. A refusal is an answer: it is not hung.
fn heard(hands: &Hands<'_>) -> Option<String> {
    match hands.connect().and_then(|mut server| server.ping()) {
        Ok(()) => Some("PONG".into()),
        Err(ServerError::Busy { .. }) => None,
        Err(e) if e.answered() => Some(e.to_string()),
        Err(_) => None,
    }
}

/// Ends a script or function that has written nothing yet; what the server says to that.
fn end_script(hands: &Hands<'_>) -> Option<String> {
    let mut server = hands.connect().ok()?;
    let Err(ServerError::Busy { .. }) = server.ping() else {
        return None;
    };
    // UNKILLABLE: it has written, and ending it would leave half of it
    match server.end_script() {
        Ok(()) => Some("ended".into()),
        Err(e) => Some(e.to_string()),
    }
}

fn evidence_path(vault: &Path) -> PathBuf {
    vault.join("evidence.txt")
}

/// Keeps what a post-mortem will ask for, as far as it can be seen: the process, where it is in the kernel, its last words.
fn keep_evidence(hands: &mut Hands<'_>, proc: &Proc) -> Result<String, ActError> {
    let mut text = format!("{}\n{} (state {})\n", hands.look.now(), proc.shown(), proc.state);
    for name in ["status", "wchan", "stack", "limits"] {
        let path = PathBuf::from(format!("/proc/{}/{name}", proc.pid()));
        let told = hands.look.read_text(&path, 64 << 10).unwrap_or_else(|e| e.to_string());
        let _ = write!(text, "\n-- {}\n{told}\n", path.display());
    }
    let info = hands.connect().and_then(|mut s| s.give(&["INFO", "everything"]));
    let _ = write!(text, "\n-- INFO\n{}\n", info.unwrap_or_else(|e| e.to_string()));
    if let Some(log) = &hands.site.logfile {
        let tail = hands.look.read_tail(log, 16 << 10).unwrap_or_default();
        let _ = write!(text, "\n-- the end of {}\n{}\n", log.display(), String::from_utf8_lossy(&tail));
    }
    let (path, mut file) = hands.vault.new_file("evidence.txt")?;
    file.write_all(text.as_bytes()).map_err(|e| {
        ActError::failed(format!("{}: {e}", path.display()), "free space for the vault, then redis-dr runs resume")
    })?;
    hands.vault.finish_file(&path, &file)?;
    Ok(path.display().to_string())
}

fn pause(hands: &Hands<'_>, time: Duration) -> Result<(), ActError> {
    if (hands.interrupted)() {
        return Err(ActError::interrupted());
    }
    std::thread::sleep(time);
    Ok(())
}
