//! A manifest: read without a panic, and what redis-dr would write is read as the same.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redis_dr::aof::manifest::{self, Kind, Manifest};
use redis_dr::aof::set::{self, JudgeOptions, Layout};

const STEM: &str = "appendonly.aof";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = manifest::parse(bytes) {
        written_and_read(&read);
    }
    // The lines as names of files: what a lost manifest is made anew from.
    let names: Vec<(String, u64)> = String::from_utf8_lossy(bytes).lines().map(|line| (line.to_owned(), 1)).collect();
    let found = manifest::rebuild(&names, STEM);
    if let Ok(rebuilt) = &found {
        written_and_read(&rebuilt.manifest);
    }
    let manifest = (!bytes.is_empty()).then(|| bytes.to_vec());
    let layout = Layout::Multi { appendfilename: STEM.to_owned(), manifest, names };
    let open = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    let _ = set::judge(&layout, &open, &JudgeOptions::default());
});

fn written_and_read(manifest: &Manifest) {
    if manifest.entries.is_empty() {
        return;
    }
    // Written in the server's order: base, history, incrs.
    let mut entries = manifest.entries.clone();
    entries.sort_by_key(|entry| match entry.kind {
        Kind::Base => 0,
        Kind::History => 1,
        Kind::Incr => 2,
    });
    let text = manifest.render();
    // Quoted a name can be four times as long, and no server reads a line beyond 1024 bytes: it would not read it either.
    if text.lines().any(|line| line.len() > 1023) {
        return;
    }
    match manifest::parse(text.as_bytes()) {
        Ok(again) => assert_eq!(again.entries, entries, "{text:?}"),
        Err(error) => panic!("{error}: {text:?}"),
    }
}
