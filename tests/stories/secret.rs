//! The password that every story has: redis-dr logs in with it, redis.conf holds it, and nobody else ever sees it.
//!
//! After each command its output is searched, and while it runs the command lines and environments of its children; at the
//! end of each story everything that redis-dr has written.
use crate::sandbox::Sandbox;
use std::fs;
use std::path::{Path, PathBuf};

/// The password of redis-dr's own user.
pub const SECRET: &str = "tell-nobody-9f3b6c";

/// Panics where a text has the secret in it.
pub fn is_not_in(what: &str, text: &[u8]) {
    let found = text.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
    assert!(!found, "the password is in {what}:\n{}", String::from_utf8_lossy(text));
}

/// Panics where a child of the process, or one of theirs, was given the secret.
pub fn is_not_given_to_children_of(pid: u32) {
    let of_threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for thread in of_threads {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|word| word.parse().ok()) {
            for file in ["cmdline", "environ"] {
                let text = fs::read(format!("/proc/{child}/{file}")).unwrap_or_default();
                is_not_in(&format!("the {file} of a child"), &text);
            }
            is_not_given_to_children_of(child);
        }
    }
}

impl Sandbox {
    /// Panics where redis-dr has written the secret anywhere but into a copy of redis.conf.
    pub(crate) fn has_kept_its_secret(&self) {
        let secret = self.password_file();
        for path in files_under(self.root()) {
            let bytes = fs::read(&path).unwrap_or_default();
            // a story's own configurations, and what a vault holds of them
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let own = name.contains(".conf") || name.ends_with(".inc");
            let copy = path.iter().any(|part| part == "before" || part == "after");
            if path != secret && !own && !copy {
                is_not_in(&path.display().to_string(), &bytes);
            }
        }
    }
}

fn files_under(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(files_under(&entry.path())),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files
}

#[test]
fn what_is_told_is_noticed() {
    let told = |text: String| std::panic::catch_unwind(move || is_not_in("a text", text.as_bytes())).is_err();
    assert!(told(format!("AUTH {SECRET}!")) && !told("AUTH".into()));
}

#[test]
fn what_a_child_is_given_is_noticed() {
    let mut child = std::process::Command::new("sleep").arg("20").env("P", SECRET).spawn().unwrap();
    // the kernel tells its environment only a moment after the program was started
    let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let noticed = loop {
        let noticed = std::panic::catch_unwind(|| is_not_given_to_children_of(std::process::id())).is_err();
        if noticed || std::time::Instant::now() > until {
            break noticed;
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(noticed);
}

#[test]
fn what_is_written_beside_the_configuration_is_noticed() {
    let server = crate::lab::Lab::new().sandbox();
    server.has_kept_its_secret();
    let told = server.root().join("report.md");
    fs::write(&told, format!("logged in with {SECRET}")).unwrap();
    let noticed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| server.has_kept_its_secret()));
    fs::remove_file(told).unwrap();
    assert!(noticed.is_err());
}
