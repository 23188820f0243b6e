//! Reading a configuration: files, includes, standard input, the start command, in the server's order.
use super::check::refusal;
use super::command_line::Start;
use super::defaults::{WITH_DEFAULT, default_save, default_words};
use super::effective::{Directive, Effective, Origin, Problem, ProblemKind, Secret, Setting};
use super::line::{split_args, trim};
use super::names::{ServerVersion, canonical, kind, knows, nearest};
use super::shown::{is_secret, managed_notice, shown, without_secrets};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Includes nested deeper than this are a loop; the server would recurse until it crashes.
const DEEPEST_INCLUDE: usize = 16;
/// Files read in one configuration at most, so that includes can't multiply without end.
const MOST_FILES: usize = 1000;

/// How files are reached. The caller decides on size limits in `read`.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// Bytes of a file.
    pub read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    /// Files matching an absolute pattern; sorted here.
    pub glob: &'a dyn Fn(&str) -> Vec<PathBuf>,
}

/// Reads everything a start would read. `version` None: the newest rules, and only names no release knows are unknown.
#[must_use]
pub fn load(start: &Start, version: Option<ServerVersion>, files: &Files<'_>) -> Effective {
    let mut reader = Reader {
        version,
        files,
        cwd: start.cwd.clone(),
        saw_save: false,
        unknown: Vec::new(),
        within: Vec::new(),
        out: Effective::default(),
    };
    if let Some(file) = &start.config_file {
        let path = join(&start.cwd, file);
        reader.file(&path, 0, &|message| Problem {
            origin: Origin::File { path: path.clone(), line: 0 },
            text: String::new(),
            message,
            kind: ProblemKind::Unreadable,
        });
    }
    match &start.stdin {
        Some(text) => reader.text(text, 0, &|line| Origin::Stdin { line }),
        None => reader.out.unseen_stdin = start.reads_stdin,
    }
    reader.text(&start.options_as_text(version), 0, &|_| Origin::CommandLine);
    let bare_start = start.config_file.is_none() && start.options.is_empty() && !start.reads_stdin;
    reader.finish(bare_start)
}

struct Reader<'a> {
    version: Option<ServerVersion>,
    files: &'a Files<'a>,
    /// Where the server is at this line: `dir` moves it at once.
    cwd: PathBuf,
    saw_save: bool,
    unknown: Vec<Problem>,
    /// The files that are being read, outermost first.
    within: Vec<PathBuf>,
    out: Effective,
}

impl Reader<'_> {
    fn since_seven(&self) -> bool {
        self.version.is_none_or(ServerVersion::since_seven)
    }

    /// Reads one file; answers the unfinished last line where the seam asks for it.
    fn file(&mut self, path: &Path, depth: usize, problem: &dyn Fn(String) -> Problem) {
        if let Some(bytes) = self.bytes(path, problem) {
            self.text_of(path, &bytes, depth);
        }
    }

    /// What stands in a file, which is being read meanwhile.
    fn text_of(&mut self, path: &Path, text: &[u8], depth: usize) {
        self.within.push(path.to_owned());
        self.text(text, depth, &|line| in_file(path, line));
        self.within.pop();
    }

    /// The files of a pattern. The server puts them end to end before it looks for lines, so a file without a final
    /// line end runs into the next one; such a line counts as the next file's first.
    fn files_of_pattern(&mut self, found: &[PathBuf], depth: usize, problem: &dyn Fn(String) -> Problem) {
        let mut carried = Vec::new();
        for (at, path) in found.iter().enumerate() {
            let Some(bytes) = self.bytes(path, problem) else {
                continue;
            };
            let mut text = std::mem::take(&mut carried);
            text.extend(bytes);
            if at + 1 < found.len() {
                let whole_lines = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                carried = text.split_off(whole_lines);
            }
            self.text_of(path, &text, depth);
        }
        if let Some(path) = found.last() {
            self.text_of(path, &carried, depth);
        }
    }

    fn bytes(&mut self, path: &Path, problem: &dyn Fn(String) -> Problem) -> Option<Vec<u8>> {
        // the server would read it again and again until it crashes
        if self.within.iter().any(|outer| outer == path) {
            let problem = problem(format!("{} would include itself", path.display()));
            self.out.problems.push(Problem { kind: ProblemKind::Value, ..problem });
            return None;
        }
        if self.out.files.len() >= MOST_FILES {
            self.out.problems.push(problem(format!("more than {MOST_FILES} configuration files")));
            return None;
        }
        match (self.files.read)(path) {
            Ok(bytes) => {
                self.out.files.push(path.to_owned());
                if self.out.managed_by.is_none() {
                    self.out.managed_by = managed_notice(&bytes);
                }
                Some(bytes)
            }
            Err(error) => {
                let message = format!("can't open config file '{}': {error}", path.display());
                self.out.problems.push(problem(message));
                None
            }
        }
    }

    fn text(&mut self, text: &[u8], depth: usize, origin: &dyn Fn(usize) -> Origin) {
        for (at, raw) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = trim(raw);
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            self.line(line, origin(at + 1), depth);
        }
    }

    fn line(&mut self, line: &[u8], origin: Origin, depth: usize) {
        let words = if line.contains(&0) {
            Err("the line holds a NUL byte".to_owned())
        } else {
            split_args(line).map_err(|error| error.to_string())
        };
        let words = match words {
            Ok(words) => words,
            Err(message) => return self.refuse(line, origin, message, ProblemKind::Syntax),
        };
        let Some((first, args)) = words.split_first() else {
            return;
        };
        let written = String::from_utf8_lossy(first).to_ascii_lowercase();
        if !knows(self.version, &written) {
            let message = match nearest(self.version, &written) {
                Some(near) => {
                    format!("Bad directive or wrong number of arguments (did you mean {near}?)")
                }
                None => "Bad directive or wrong number of arguments".to_owned(),
            };
            let problem = Problem { origin, text: shown(line), message, kind: ProblemKind::Unknown };
            self.unknown.push(problem);
            return;
        }
        let name = canonical(&written);
        if name == "include" {
            return self.include(line, args, origin, depth);
        }
        let kind = kind(&written).unwrap_or("any");
        let refused = shape(&name, args.len()).or_else(|| refusal(&name, kind, args, self.since_seven()));
        match refused {
            Some(message) => self.refuse(line, origin, message, ProblemKind::Value),
            None => self.take(name, args, origin),
        }
    }

    fn refuse(&mut self, line: &[u8], origin: Origin, message: String, kind: ProblemKind) {
        self.out.problems.push(Problem { origin, text: shown(line), message, kind });
    }

    fn include(&mut self, line: &[u8], args: &[Vec<u8>], origin: Origin, depth: usize) {
        let [pattern] = args else {
            let message = "Bad directive or wrong number of arguments".to_owned();
            return self.refuse(line, origin, message, ProblemKind::Value);
        };
        if depth >= DEEPEST_INCLUDE {
            let message = "includes are nested too deep; does a file include itself?".to_owned();
            return self.refuse(line, origin, message, ProblemKind::Value);
        }
        let pattern = String::from_utf8_lossy(pattern).into_owned();
        let path = join(&self.cwd, Path::new(&pattern));
        self.out.directives.push(Directive {
            name: "include".to_owned(),
            args: vec![pattern.clone()],
            origin: origin.clone(),
        });
        let text = shown(line);
        let unreadable = |message: String| Problem {
            origin: origin.clone(),
            text: text.clone(),
            message,
            kind: ProblemKind::Unreadable,
        };
        if self.since_seven() && pattern.contains(['*', '?', '[']) {
            let mut found = (self.files.glob)(&path.to_string_lossy());
            found.sort();
            self.files_of_pattern(&found, depth + 1, &unreadable);
        } else {
            self.file(&path, depth + 1, &unreadable);
        }
    }

    fn take(&mut self, name: String, args: &[Vec<u8>], origin: Origin) {
        let text: Vec<String> = args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
        match name.as_str() {
            "dir" => self.cwd = join(&self.cwd, Path::new(text.first().map_or("", String::as_str))),
            "rename-command" => {
                if let [from, to] = text.as_slice() {
                    self.out.renamed.insert(from.to_ascii_lowercase(), to.clone());
                }
            }
            _ => {}
        }
        if is_secret(&name)
            && name != "user"
            && let Some(bytes) = args.first()
        {
            self.out.secrets.insert(name.clone(), Secret::new(bytes.clone()));
        }
        let text = without_secrets(&name, text);
        let value = self.accumulated(&name, &text);
        self.out.values.insert(name.clone(), Setting { value, origin: origin.clone() });
        self.out.directives.push(Directive { name, args: text, origin });
    }

    /// `save` lines add up, an empty one clears; `replicaof no one` is no primary; everything else is replaced.
    fn accumulated(&mut self, name: &str, words: &[String]) -> Vec<String> {
        match (name, words) {
            ("save", [only]) if only.is_empty() => {
                self.saw_save = true;
                Vec::new()
            }
            ("save", pairs) => {
                let before = self.out.values.get("save").filter(|_| self.saw_save);
                self.saw_save = true;
                before
                    .map_or_else(Vec::new, |save| save.value.clone())
                    .into_iter()
                    .chain(pairs.iter().cloned())
                    .collect()
            }
            ("replicaof", [host, port]) if host.eq_ignore_ascii_case("no") && port.eq_ignore_ascii_case("one") => {
                Vec::new()
            }
            _ => words.to_vec(),
        }
    }

    fn finish(mut self, bare_start: bool) -> Effective {
        // Redis 8 puts names it does not know aside for modules, and refuses only those no module claimed.
        let modules_may_claim =
            self.version.is_none_or(|v| v.major >= 8) && self.out.all("loadmodule").next().is_some();
        if !modules_may_claim {
            self.out.problems.append(&mut self.unknown);
        }
        let default = |words: &[&str]| Setting {
            value: words.iter().map(|word| (*word).to_owned()).collect(),
            origin: Origin::Default,
        };
        for name in WITH_DEFAULT {
            if let Some(words) = default_words(name, self.version) {
                self.out.values.entry((*name).to_owned()).or_insert_with(|| default(words));
            }
        }
        let save = default(default_save(self.version, bare_start));
        self.out.values.entry("save".to_owned()).or_insert(save);
        self.out.data_dir = self.cwd;
        self.out
    }
}

fn in_file(path: &Path, line: usize) -> Origin {
    Origin::File { path: path.to_owned(), line }
}

/// Directives that are no settings take a fixed number of words.
fn shape(name: &str, args: usize) -> Option<String> {
    let ok = match name {
        "rename-command" => args == 2,
        "loadmodule" | "loadmodule-ex" | "user" => args >= 1,
        _ if name.contains('.') => args >= 1,
        _ => true,
    };
    (!ok).then(|| "Bad directive or wrong number of arguments".to_owned())
}

/// Joins and drops `.` components, so that `dir ./` reads well. `..` stays: links make it ambiguous.
fn join(base: &Path, path: &Path) -> PathBuf {
    let joined = base.join(path);
    joined.components().filter(|part| !matches!(part, Component::CurDir)).collect()
}
