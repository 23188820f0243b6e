//! A manifest made anew from the names of the parts that are there.
//!
//! A start with parts but no manifest comes up empty and writes over the parts with seq 1: the manifest comes first.
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Entry, Kind, Manifest};

/// What a file's name says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Base or incr.
    pub kind: Kind,
    /// Sequence number, from 1.
    pub seq: i64,
}

/// A rebuilt manifest and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rebuilt {
    /// The manifest.
    pub manifest: Manifest,
    /// Parts that are there and not in it: from before the newest rewrite, or empty.
    pub left_out: Vec<String>,
    /// What names alone can't tell, one sentence each.
    pub doubts: Vec<String>,
}

/// Why no manifest can be made from the names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "error")]
pub enum RebuildError {
    /// No part at all.
    #[error("no AOF part is there")]
    NoParts,
    /// Commands, but not the dataset they start from.
    #[error("the parts hold no base file")]
    NoBase,
    /// An incr between others is missing.
    #[error("{missing} is missing between the parts that are there")]
    Gap {
        /// Name of the missing part.
        missing: String,
    },
    /// Two bases carry one number.
    #[error("two base files have the sequence number {seq}")]
    TwoBases {
        /// The number.
        seq: i64,
    },
}

impl RebuildError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoParts => {
                "check `appendfilename` and `appenddirname`: the server may have written under another name"
            }
            Self::NoBase => "recover from dump.rdb or a backup; commands without their base are not a dataset",
            Self::Gap { .. } => "find the missing file (a deleted file may still be open), or recover up to the gap",
            Self::TwoBases { .. } => "move the wrong one out of the directory",
        }
    }
}

/// The part a name of the server's making denotes: `<appendfilename>.<N>.base.rdb|base.aof|incr.aof`.
#[must_use]
pub fn part(name: &str, appendfilename: &str) -> Option<Part> {
    let rest = name.strip_prefix(appendfilename)?.strip_prefix('.')?;
    let (seq, suffix) = rest.split_once('.')?;
    let kind = match suffix {
        "base.rdb" | "base.aof" => Kind::Base,
        "incr.aof" => Kind::Incr,
        _ => return None,
    };
    // Zeros in front would make two files of one number.
    if !seq.bytes().all(|b| b.is_ascii_digit()) || seq.starts_with('0') {
        return None;
    }
    seq.parse().ok().map(|seq| Part { kind, seq })
}

/// Makes a manifest from the parts in a directory: the newest base, and the incrs from its number on.
///
/// `names` are the files of the AOF directory with their sizes in bytes; others than parts are ignored.
///
/// # Errors
/// Where the names do not make a chain.
pub fn rebuild(names: &[(String, u64)], appendfilename: &str) -> Result<Rebuilt, RebuildError> {
    let (mut bases, mut incrs) = (Vec::new(), Vec::new());
    for (name, size) in names {
        match part(name, appendfilename) {
            Some(Part { kind: Kind::Base, seq }) => bases.push((seq, name, *size)),
            Some(Part { seq, .. }) => incrs.push((seq, name)),
            // A single-file AOF that a 7.0 start moved into the directory keeps its name and becomes base 1.
            None if name == appendfilename => bases.push((1, name, *size)),
            None => {}
        }
    }
    if bases.is_empty() && incrs.is_empty() {
        return Err(RebuildError::NoParts);
    }
    // The server never writes a base of no bytes: an empty one is a failed copy.
    if bases.iter().any(|b| b.2 > 0) {
        bases.retain(|b| b.2 > 0);
    }
    let Some(&(seq, base, _)) = bases.iter().max_by_key(|b| b.0) else {
        return Err(RebuildError::NoBase);
    };
    if bases.iter().filter(|b| b.0 == seq).count() > 1 {
        return Err(RebuildError::TwoBases { seq });
    }
    incrs.sort_unstable();
    let chain: Vec<_> = incrs.into_iter().filter(|i| i.0 >= seq).collect();
    if let Some(gap) = chain.windows(2).find_map(|pair| match pair {
        [a, b] if b.0 != a.0 + 1 => Some(a.0 + 1),
        _ => None,
    }) {
        return Err(RebuildError::Gap { missing: format!("{appendfilename}.{gap}.incr.aof") });
    }
    Ok(assemble(names, appendfilename, (seq, base), &chain, bases.len()))
}

fn assemble(
    names: &[(String, u64)],
    appendfilename: &str,
    base: (i64, &String),
    chain: &[(i64, &String)],
    bases: usize,
) -> Rebuilt {
    let entry = |(seq, name): (i64, &String), kind| Entry { name: name.clone(), seq, kind, extra: Vec::new() };
    let mut manifest = Manifest { entries: vec![entry(base, Kind::Base)] };
    manifest.entries.extend(chain.iter().map(|i| entry(*i, Kind::Incr)));
    let ours = |name: &str| name == appendfilename || part(name, appendfilename).is_some();
    let mut left_out: Vec<String> = names
        .iter()
        .map(|n| n.0.clone())
        .filter(|n| ours(n) && manifest.entries.iter().all(|e| e.name != *n))
        .collect();
    left_out.sort();
    let mut doubts = Vec::new();
    if bases > 1 {
        // After a failed rewrite incr numbers run ahead of base numbers, and names no longer tell which incr was the first after a base.
        doubts.push(format!(
            "{bases} base files are there: {} is taken as the newest, with the incr files numbered from it on",
            base.1
        ));
    }
    if let Some(first) = chain.first().filter(|first| first.0 > base.0) {
        doubts.push(format!(
            "the first incr file is {}: either earlier rewrites failed, or a file between it and {} is missing",
            first.1, base.1
        ));
    }
    Rebuilt { manifest, left_out, doubts }
}
