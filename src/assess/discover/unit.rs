//! Unit files that start a server, read as they lie: also where systemd does not run, or the unit never ran.
use super::Discovered;
use crate::host::process::server_program;
use crate::host::{Kind, Look};
use std::path::{Path, PathBuf};

/// Where unit files are; the first one of a name counts.
const UNIT_DIRS: &[&str] = &[
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
/// Largest unit file read, in bytes.
const LARGEST: u64 = 64 << 10;

/// A unit, as far as it says how the server is started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct UnitFile {
    /// Its name, such as `redis-server.service`.
    pub(super) name: String,
    /// The start command.
    pub(super) argv: Vec<String>,
    /// The user; `None` for root.
    pub(super) user: Option<String>,
    /// Where it is started.
    pub(super) working_dir: Option<PathBuf>,
}

/// Every unit whose start command is a server.
pub(super) fn servers(look: &Look, root: &Path, out: &mut Discovered) -> Vec<UnitFile> {
    out.looked_at.extend(UNIT_DIRS.iter().map(|dir| format!("/{dir}/*.service")));
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut units = Vec::new();
    for dir in UNIT_DIRS {
        for path in look.glob(&root.join(dir).join("*.service").to_string_lossy()) {
            // An alias leads to the same file, a masked unit to /dev/null.
            let Ok(real) = look.real_path(&path) else { continue };
            let Some(name) = real.file_name().map(|n| n.to_string_lossy().into_owned()) else { continue };
            if seen.contains(&real) || names.contains(&name) || !look.stat(&real).is_ok_and(|s| s.kind == Kind::File) {
                continue;
            }
            seen.push(real.clone());
            let Ok(text) = look.read_text(&real, LARGEST) else { continue };
            let mut unit = UnitFile { name: name.clone(), ..UnitFile::default() };
            read(&text, &mut unit);
            for drop_in in drop_ins(look, root, &name) {
                read(&look.read_text(&drop_in, LARGEST).unwrap_or_default(), &mut unit);
            }
            if server_program(&unit.argv).is_some() {
                names.push(name);
                units.extend(instances(look, root, unit));
            }
        }
    }
    units
}

/// The unit of this name, an instance of a template too, with its drop-ins.
pub(super) fn named(look: &Look, root: &Path, name: &str) -> Option<UnitFile> {
    let (template, instance) = match name.split_once('@') {
        Some((stem, rest)) => (format!("{stem}@.service"), rest.trim_end_matches(".service").to_string()),
        None => (name.to_string(), String::new()),
    };
    let of = |file: &str| UNIT_DIRS.iter().map(|dir| root.join(dir).join(file)).find(|path| look.exists(path));
    let text = look.read_text(&of(name).or_else(|| of(&template))?, LARGEST).ok()?;
    let mut unit = UnitFile { name: name.to_string(), ..UnitFile::default() };
    read(&text, &mut unit);
    let names = if template == name { vec![name] } else { vec![template.as_str(), name] };
    for drop_in in names.into_iter().flat_map(|name| drop_ins(look, root, name)) {
        read(&look.read_text(&drop_in, LARGEST).unwrap_or_default(), &mut unit);
    }
    server_program(&unit.argv).map(|_| resolved(&unit, name, &instance))
}

fn drop_ins(look: &Look, root: &Path, name: &str) -> Vec<PathBuf> {
    let dirs = UNIT_DIRS.iter().rev().map(|dir| root.join(dir).join(format!("{name}.d")).join("*.conf"));
    dirs.flat_map(|pattern| look.glob(&pattern.to_string_lossy())).collect()
}

/// Puts what a unit file or a drop-in says over what is known.
fn read(text: &str, unit: &mut UnitFile) {
    let joined = text.replace("\\\n", " ");
    let mut section = "";
    for line in joined.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| section == "[Service]") else { continue };
        let value = value.trim();
        match key.trim() {
            "ExecStart" if value.is_empty() => unit.argv.clear(),
            "ExecStart" => unit.argv = argv(value),
            "User" => unit.user = Some(value.to_string()).filter(|u| !u.is_empty()),
            "WorkingDirectory" => {
                let dir = value.trim_start_matches('-');
                unit.working_dir = dir.starts_with('/').then(|| PathBuf::from(dir));
            }
            _ => {}
        }
    }
}

/// The words of a start command, without the marks that systemd takes before the program.
fn argv(value: &str) -> Vec<String> {
    let mut words: Vec<String> =
        value.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_string()).collect();
    if let Some(program) = words.first_mut() {
        *program = program.trim_start_matches(['-', '@', ':', '+', '!']).to_string();
    }
    words
}

/// A template stands for its instances: those that are enabled, and those whose configuration is there.
fn instances(look: &Look, root: &Path, unit: UnitFile) -> Vec<UnitFile> {
    let Some(stem) = unit.name.strip_suffix("@.service").map(str::to_string) else {
        return vec![resolved(&unit, &unit.name, "")];
    };
    let mut names: Vec<String> = Vec::new();
    let enabled = look.list(&root.join("etc/systemd/system")).unwrap_or_default();
    for dir in enabled.iter().filter(|e| e.name.to_string_lossy().ends_with(".wants")) {
        let pattern = root.join("etc/systemd/system").join(&dir.name).join(format!("{stem}@*.service"));
        names.extend(
            look.glob(&pattern.to_string_lossy()).iter().filter_map(|p| between(p, &format!("{stem}@"), ".service")),
        );
    }
    if let Some(pattern) = unit.argv.get(1).filter(|word| word.contains("%i") || word.contains("%I")) {
        let pattern = pattern.replace("%I", "%i");
        let file = Path::new(&pattern).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some((before, after)) = file.split_once("%i") {
            names.extend(look.glob(&pattern.replace("%i", "*")).iter().filter_map(|p| between(p, before, after)));
        }
    }
    names.sort();
    names.dedup();
    names.iter().map(|name| resolved(&unit, &format!("{stem}@{name}.service"), name)).collect()
}

/// What stands for the wildcard in a file's name.
fn between(path: &Path, before: &str, after: &str) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let middle = name.strip_prefix(before)?.strip_suffix(after)?;
    (!middle.is_empty()).then(|| middle.to_string())
}

/// The unit with systemd's specifiers put in.
fn resolved(unit: &UnitFile, name: &str, instance: &str) -> UnitFile {
    let stem = name.trim_end_matches(".service");
    let prefix = stem.split('@').next().unwrap_or(stem);
    let put = |word: &String| {
        word.replace("%i", instance)
            .replace("%I", instance)
            .replace("%n", name)
            .replace("%N", stem)
            .replace("%p", prefix)
    };
    UnitFile {
        name: name.to_string(),
        argv: unit.argv.iter().map(put).collect(),
        user: unit.user.as_ref().map(put),
        working_dir: unit.working_dir.as_ref().map(|dir| PathBuf::from(put(&dir.to_string_lossy().into_owned()))),
    }
}
