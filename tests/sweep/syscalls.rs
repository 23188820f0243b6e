//! Which system calls of redis-dr change something, on x86_64, and what they say about themselves.
use nix::libc::user_regs_struct;
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// One moment at which redis-dr changes something: a system call, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    pub call: &'static str,
    pub about: String,
}

impl std::fmt::Display for Point {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.call, self.about)
    }
}

/// Words on their way to a server that change it.
const MUTATIONS: &[&str] = &[
    "CONFIG\r\n$3\r\nSET",
    "CONFIG\r\n$7\r\nREWRITE",
    "\r\nSHUTDOWN",
    "\r\nBGREWRITEAOF",
    "\r\nBGSAVE",
    "\r\nSCRIPT",
    "\r\nDEL\r\n",
    "\r\nSET\r\n",
    "\r\nPSYNC",
    "\r\nSYNC",
];

const CLONE_THREAD: u64 = 0x0001_0000;
const O_CREAT: u64 = 0o100;
const FICLONE: u64 = 0x4004_9409;

/// What an argument of a call names.
enum About {
    /// An open file, by its descriptor.
    Fd(u64),
    /// A name in an open directory.
    At(u64, u64),
}

/// The point a thread that enters a system call has come to; `None` if the call changes nothing under `root`.
pub fn point(thread: Pid, regs: &user_regs_struct, root: &Path) -> Option<Point> {
    use About::{At, Fd};
    let (first, second, third, fourth) = (regs.rdi, regs.rsi, regs.rdx, regs.r10);
    let (call, about) = match regs.orig_rax {
        1 | 44 if descriptor(thread, first)?.starts_with("socket:") => {
            return to_server(thread, second, third);
        }
        1 | 18 | 20 | 295 | 328 => ("write", Fd(first)),
        74 => ("fsync", Fd(first)),
        75 => ("fdatasync", Fd(first)),
        77 => ("ftruncate", Fd(first)),
        91 => ("fchmod", Fd(first)),
        93 => ("fchown", Fd(first)),
        190 | 199 => ("fsetxattr", Fd(first)),
        285 => ("fallocate", Fd(first)),
        16 if second == FICLONE => ("ficlone", Fd(first)),
        326 => ("copy_file_range", Fd(third)),
        257 if third & O_CREAT != 0 => ("create", At(first, second)),
        258 => ("mkdir", At(first, second)),
        260 => ("chown", At(first, second)),
        263 => ("unlink", At(first, second)),
        268 | 452 => ("chmod", At(first, second)),
        280 if second == 0 => ("utimens", Fd(first)),
        280 => ("utimens", At(first, second)),
        82 => ("rename", At(at_cwd(), second)),
        83 => ("mkdir", At(at_cwd(), first)),
        86 => ("link", At(at_cwd(), second)),
        87 => ("unlink", At(at_cwd(), first)),
        264 => ("rename", At(third, fourth)),
        265 => ("link", At(third, fourth)),
        316 if regs.r8 == 2 => ("exchange", At(third, fourth)),
        316 => ("rename", At(third, fourth)),
        62 | 424 => return (third != 0 || second != 0).then(|| Point { call: "kill", about: String::new() }),
        56 if first & CLONE_THREAD == 0 => return Some(spawn()),
        435 if word(thread, first)? & CLONE_THREAD == 0 => return Some(spawn()),
        58 => return Some(spawn()),
        _ => return None,
    };
    let path = match about {
        Fd(fd) => PathBuf::from(descriptor(thread, fd)?),
        At(dir, name) => {
            let name = PathBuf::from(text(thread, name)?);
            if name.is_absolute() { name } else { Path::new(&descriptor(thread, dir)?).join(name) }
        }
    };
    let inside = path.strip_prefix(root).ok()?;
    Some(Point { call, about: without_chance(&inside.display().to_string()) })
}

fn spawn() -> Point {
    Point { call: "spawn", about: String::new() }
}

fn at_cwd() -> u64 {
    u64::MAX - 99
}

fn to_server(thread: Pid, at: u64, length: u64) -> Option<Point> {
    let sent = bytes(thread, at, usize::try_from(length).ok()?.min(256))?;
    let sent = String::from_utf8_lossy(&sent).to_ascii_uppercase();
    MUTATIONS.iter().any(|word| sent.contains(word)).then(|| {
        let words: Vec<&str> = sent.split("\r\n").filter(|part| !part.starts_with(['*', '$'])).take(3).collect();
        Point { call: "send", about: words.join(" ").trim().to_owned() }
    })
}

/// Names drawn by chance, and of runs, are the same in every case.
fn without_chance(path: &str) -> String {
    let part = |part: &str| match part {
        _ if part.starts_with(".redis-dr-") => "TEMP".to_owned(),
        _ if part.len() > 16 && part.as_bytes()[8] == b'T' && part[..8].bytes().all(|b| b.is_ascii_digit()) => {
            "RUN".to_owned()
        }
        _ => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn descriptor(thread: Pid, fd: u64) -> Option<String> {
    let fd = u32::try_from(fd & 0xffff_ffff).ok()?.cast_signed();
    let link = if fd < 0 { format!("/proc/{thread}/cwd") } else { format!("/proc/{thread}/fd/{fd}") };
    Some(fs::read_link(link).ok()?.to_string_lossy().into_owned())
}

fn bytes(thread: Pid, at: u64, length: usize) -> Option<Vec<u8>> {
    let memory = fs::File::open(format!("/proc/{thread}/mem")).ok()?;
    let mut bytes = vec![0; length];
    let read = memory.read_at(&mut bytes, at).ok()?;
    bytes.truncate(read);
    Some(bytes)
}

fn word(thread: Pid, at: u64) -> Option<u64> {
    bytes(thread, at, 8)?.try_into().ok().map(u64::from_ne_bytes)
}

fn text(thread: Pid, at: u64) -> Option<String> {
    // never beyond the page, which may be the last that is there
    let within = 4096 - usize::try_from(at % 4096).ok()?;
    let mut read = bytes(thread, at, within)?;
    if !read.contains(&0) {
        read.extend(bytes(thread, at + within as u64, 4096)?);
    }
    let end = read.iter().position(|byte| *byte == 0)?;
    Some(String::from_utf8_lossy(&read[..end]).into_owned())
}
