//! The types of expressions and the vocabulary of names.
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// `true`, `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Text.
    Str,
    /// Schema format `duration`: seconds in JSON.
    Duration,
    /// Schema format `bytes`.
    Size,
    /// Schema format `date-time`.
    Time,
    /// One of a set of words.
    Enum(Arc<Words>),
    /// Values of one type.
    List(Box<Type>),
    /// Named fields.
    Object(Arc<Fields>),
    /// Any name leads to a value of this type.
    Map(Box<Type>),
}

/// The words of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What it is called in messages, such as `Severity`.
    pub name: String,
    /// In their order.
    pub words: Vec<String>,
    /// May they be compared with `<`? (`x-ordered` of the schema.)
    pub ordered: bool,
}

impl Words {
    /// The place of a word in the order.
    pub fn rank(&self, word: &str) -> Option<usize> {
        self.words.iter().position(|w| w == word)
    }
}

/// The fields of an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fields {
    /// What it is called in messages, such as `Point`.
    pub name: String,
    /// By name.
    pub fields: BTreeMap<String, Type>,
}

/// The vocabulary: what each root name is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Types {
    pub(crate) roots: BTreeMap<String, Type>,
    pub(crate) barred: BTreeMap<String, Barred>,
}

/// Why a name that exists elsewhere can't be read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Barred {
    pub message: String,
    pub hint: String,
}

impl Types {
    /// A vocabulary without names.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same vocabulary with one more root name (`params`, `point`, `estimate`); an equal name is replaced.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, ty: Type) -> Self {
        self.roots.insert(name.into(), ty);
        self
    }

    /// The same vocabulary without a root name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.roots.remove(name);
        self
    }

    /// The same vocabulary, in which a dotted name and all below it is an error with this message, unless it has a type.
    #[must_use]
    pub fn barred(mut self, name: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        self.barred.insert(name.into(), Barred { message: message.into(), hint: hint.into() });
        self
    }

    /// Why a dotted name can't be read here, and how much of it that is about.
    pub(crate) fn bar(&self, dotted: &str) -> Option<(usize, &Barred)> {
        let covers = |name: &str| dotted.strip_prefix(name).is_some_and(|r| r.is_empty() || r.starts_with('.'));
        let longest = self.barred.iter().filter(|(name, _)| covers(name)).max_by_key(|(name, _)| name.len());
        longest.map(|(name, barred)| (name.len(), barred))
    }

    /// The root names with their types.
    pub fn roots(&self) -> impl Iterator<Item = (&str, &Type)> {
        self.roots.iter().map(|(name, ty)| (name.as_str(), ty))
    }

    /// The type of a dotted name.
    pub fn get(&self, dotted: &str) -> Option<&Type> {
        let mut parts = dotted.split('.');
        let mut ty = self.roots.get(parts.next()?)?;
        for part in parts {
            ty = ty.field(part)?;
        }
        Some(ty)
    }

    /// Every dotted name that can be written, with its type; objects are left out in favour of their fields.
    pub fn names(&self) -> Vec<(String, Type)> {
        let mut out = Vec::new();
        for (name, ty) in &self.roots {
            collect(name.clone(), ty, &mut out);
        }
        out
    }
}

fn collect(path: String, ty: &Type, out: &mut Vec<(String, Type)>) {
    match ty {
        Type::Object(o) => {
            for (name, ty) in &o.fields {
                collect(format!("{path}.{name}"), ty, out);
            }
        }
        other => out.push((path, other.clone())),
    }
}

impl Type {
    /// An object type from its fields, for roots that no schema describes.
    pub fn object(name: &str, fields: impl IntoIterator<Item = (String, Type)>) -> Type {
        Type::Object(Arc::new(Fields { name: name.to_string(), fields: fields.into_iter().collect() }))
    }

    /// An enumeration from its words.
    pub fn words(name: &str, words: &[&str], ordered: bool) -> Type {
        let words = words.iter().map(ToString::to_string).collect();
        Type::Enum(Arc::new(Words { name: name.to_string(), words, ordered }))
    }

    /// The type of a field of an object or a map.
    pub fn field(&self, name: &str) -> Option<&Type> {
        match self {
            Type::Object(o) => o.fields.get(name),
            Type::Map(inner) => Some(inner),
            _ => None,
        }
    }

    /// May a value of this type stand where `wanted` is asked for? Only an integer for a number is converted.
    pub fn fits(&self, wanted: &Type) -> bool {
        match (self, wanted) {
            (Type::Int, Type::Float) => true,
            (Type::List(a), Type::List(b)) => a.fits(b),
            (Type::Enum(a), Type::Enum(b)) => a.words.iter().all(|w| b.words.contains(w)),
            (Type::Enum(_), Type::Str) => true,
            (a, b) => a == b,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Type::Int | Type::Float)
    }
}

/// As it is named in messages, with its article: `a duration`, `one of "master", "slave"`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("a yes/no value"),
            Type::Int => f.write_str("a whole number"),
            Type::Float => f.write_str("a number"),
            Type::Str => f.write_str("text"),
            Type::Duration => f.write_str("a duration"),
            Type::Size => f.write_str("a size"),
            Type::Time => f.write_str("a time"),
            Type::Enum(w) => {
                let words: Vec<String> = w.words.iter().map(|w| format!("\"{w}\"")).collect();
                write!(f, "one of {}", words.join(", "))
            }
            Type::List(inner) => match &**inner {
                Type::Bool => f.write_str("a list of yes/no values"),
                Type::Int | Type::Float => f.write_str("a list of numbers"),
                Type::Str => f.write_str("a list of texts"),
                Type::Enum(_) => f.write_str("a list of words"),
                Type::Duration => f.write_str("a list of durations"),
                Type::Size => f.write_str("a list of sizes"),
                Type::Time => f.write_str("a list of times"),
                Type::Object(o) if !o.name.is_empty() => write!(f, "a list of {}", o.name),
                Type::List(_) | Type::Object(_) | Type::Map(_) => f.write_str("a list"),
            },
            Type::Object(o) if o.name.is_empty() => f.write_str("a group of facts"),
            Type::Object(o) => write!(f, "a group of facts ({})", o.name),
            Type::Map(_) => f.write_str("a map"),
        }
    }
}
