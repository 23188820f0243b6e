//! The server program that a start would run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ServiceError;
use crate::facts::Flavour;
use crate::host::Look;
use crate::host::process::{Command as Call, SERVER_PROGRAMS};

/// A server program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerProgram {
    /// Where it is.
    pub path: PathBuf,
    /// Which family.
    pub flavour: Option<Flavour>,
    /// Its version, such as 7.0.15.
    pub version: Option<String>,
}

/// Where programs are looked for without a `bin_dir`.
const DIRS: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Finds the server program in `bin_dir`, or else in the system's directories, and asks it for its version.
///
/// # Errors
/// [`ServiceError::NoProgram`].
pub fn find_program(look: &Look, bin_dir: Option<&Path>) -> Result<ServerProgram, ServiceError> {
    let dirs: Vec<PathBuf> = match bin_dir {
        Some(dir) => vec![dir.to_path_buf()],
        None => DIRS.iter().map(PathBuf::from).collect(),
    };
    let candidates = SERVER_PROGRAMS.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
    let looked_in = || dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ");
    let path = candidates.into_iter().find(|path| look.exists(path));
    let path = path.ok_or_else(|| ServiceError::NoProgram { looked_in: looked_in() })?;
    let shown = path.display().to_string();
    let said = look.ask(&Call::new([shown.as_str(), "--version"], Duration::from_secs(5)));
    let (flavour, version) = said.map(|output| read_version(&output.text())).unwrap_or_default();
    Ok(ServerProgram { path, flavour, version })
}

/// Reads `Redis server v=7.0.15 sha=00000000:0 malloc=…`.
fn read_version(text: &str) -> (Option<Flavour>, Option<String>) {
    let flavour = match text.split_whitespace().next().map(str::to_lowercase).as_deref() {
        Some("redis") => Some(Flavour::Redis),
        Some("valkey") => Some(Flavour::Valkey),
        Some("redict") => Some(Flavour::Redict),
        _ => None,
    };
    (flavour, text.split_whitespace().find_map(|word| word.strip_prefix("v=")).map(str::to_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let is = |text, flavour, version: &str| assert_eq!(read_version(text), (flavour, Some(version.to_string())));
        is("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", Some(Flavour::Redis), "7.0.15");
        is("Valkey server v=9.1.2 sha=0:0", Some(Flavour::Valkey), "9.1.2");
        assert_eq!(read_version("what?"), (None, None));
    }
}
