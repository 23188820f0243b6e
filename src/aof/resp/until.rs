//! A moment in an AOF that it can be cut at.
use crate::aof::tag;
/// Up to where commands are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Until {
    /// Those of this second and before, unix seconds: what comes before the first `#TS:` annotation after it.
    Time(i64),
    /// Those up to the last that writes this tag, see [`tag::marks`]; with all of its transaction where it is in one.
    Tag(String),
    /// Those that end at or before this byte of a file; of the only file with commands where none is named.
    Offset(Option<String>, u64),
}

impl std::str::FromStr for Until {
    type Err = String;

    /// `tag:NAME`, `offset:BYTES`, `offset:FILE:BYTES`, or unix seconds as `time:SECONDS`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is no moment: a time, tag:NAME or offset:BYTES", text.escape_debug());
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        match kind {
            "tag" if !rest.is_empty() => Ok(Self::Tag(rest.to_string())),
            "time" => rest.parse().map(Self::Time).map_err(|_| wrong()),
            "offset" => {
                let (file, bytes) = rest.rsplit_once(':').map_or((None, rest), |(file, bytes)| (Some(file), bytes));
                Ok(Self::Offset(file.map(str::to_string), bytes.parse().map_err(|_| wrong())?))
            }
            _ => Err(wrong()),
        }
    }
}

impl Until {
    /// Does this command write the tag? `words`: its words, the name first.
    pub(super) fn is_tag(&self, words: &[&[u8]]) -> bool {
        let (Self::Tag(wanted), [command, key, ..]) = (self, words) else { return false };
        tag::marks(wanted, &command.to_ascii_lowercase(), key)
    }
}
