//! Where runbooks and playbooks are looked up: the operator's texts first, then the built-in ones.
use std::path::Path;

/// A text and the file it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its id: the name of the file without `.yaml`.
    pub id: String,
    /// Where it came from; `built-in/<id>.yaml` for those that are compiled in.
    pub file: String,
    /// What it holds.
    pub text: String,
}

impl Source {
    /// A text read from a file; the id is the file's name without its ending.
    pub fn new(file: impl Into<String>, text: impl Into<String>) -> Self {
        let file = file.into();
        let id = Path::new(&file).file_stem().and_then(|s| s.to_str()).unwrap_or("").to_string();
        Source { id, file, text: text.into() }
    }

    /// Is it one of those that are compiled in?
    pub fn is_builtin(&self) -> bool {
        self.file.starts_with(BUILTIN)
    }
}

const BUILTIN: &str = "built-in/";

/// Texts by id; the first of an id wins.
#[derive(Debug, Clone, Default)]
pub struct Library {
    sources: Vec<Source>,
}

impl Library {
    /// The operator's own, in the order of the configuration, before the built-in ones.
    pub fn new(own: Vec<Source>, builtin: Vec<Source>) -> Self {
        let mut sources: Vec<Source> = Vec::new();
        for source in own.into_iter().chain(builtin) {
            if !sources.iter().any(|s| s.id == source.id) {
                sources.push(source);
            }
        }
        sources.sort_by(|a, b| a.id.cmp(&b.id));
        Library { sources }
    }

    /// The text of an id.
    pub fn get(&self, id: &str) -> Option<&Source> {
        self.sources.iter().find(|s| s.id == id)
    }

    /// All, by id.
    pub fn all(&self) -> &[Source] {
        &self.sources
    }

    /// The id that was probably meant.
    pub fn nearest(&self, id: &str) -> Option<&str> {
        crate::expr::nearest(id, self.sources.iter().map(|s| s.id.as_str()))
    }
}

/// The `*.yaml` files at the top of a compiled-in directory.
pub(crate) fn compiled_in(dir: &include_dir::Dir<'_>) -> Vec<Source> {
    let yaml = dir.files().filter(|f| f.path().extension().is_some_and(|e| e == "yaml"));
    let sources = yaml.filter_map(|f| {
        let name = f.path().file_name()?.to_str()?;
        Some(Source::new(format!("{BUILTIN}{name}"), f.contents_utf8()?))
    });
    sources.collect()
}
