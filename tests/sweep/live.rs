//! A client that writes all the time, as soon and as long as somebody lets it.
use crate::resp::Client;
use crate::sandbox::Sandbox;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

pub struct Writer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl Writer {
    pub fn begin(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut acknowledged = Vec::new();
            let mut client = None;
            for number in 0.. {
                if asked.load(Ordering::Relaxed) {
                    break;
                }
                let key = format!("live:{number}");
                match client.as_mut().map(|c: &mut Client| c.ask(&["SET", &key, "told"])) {
                    Some(Ok(reply)) if reply.text() == "OK" => acknowledged.push(key),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => client = Client::patient_for(port, Duration::from_millis(500)).ok(),
                }
                std::thread::sleep(Duration::from_millis(3));
            }
            acknowledged
        });
        Self { stop, thread: Some(thread) }
    }

    /// Stops it; the keys it was told are written.
    pub fn end(mut self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Its processes go on, where they were made to stand still.
pub fn thaw(server: &Sandbox) {
    for pid in server.servers() {
        let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
    }
}

/// Keys of the client that are there.
pub fn there(server: &Sandbox) -> Vec<String> {
    server.must(&["KEYS", "live:*"]).text().lines().map(str::to_owned).collect()
}

/// Removes what the client wrote, and a probe of a run that was killed before it took it back (it has a minute to live), so
/// that the rest can be compared.
pub fn forget(server: &Sandbox) {
    for (name, value) in [("min-replicas-to-write", "0"), ("stop-writes-on-bgsave-error", "no")] {
        let _ = server.ask(&["CONFIG", "SET", name, value]);
    }
    let probes = server.must(&["KEYS", "redis-dr:probe:*"]).text();
    for key in there(server).iter().map(String::as_str).chain(probes.lines()) {
        server.must(&["DEL", key]);
    }
}

/// The settings that a server runs with.
pub fn settings(server: &Sandbox) -> BTreeMap<String, String> {
    let all = server.must(&["CONFIG", "GET", "*"]).text();
    let lines: Vec<&str> = all.lines().collect();
    lines.chunks(2).map(|pair| (pair[0].to_owned(), pair.get(1).copied().unwrap_or_default().to_owned())).collect()
}
