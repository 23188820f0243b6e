//! Files that redis-dr writes where its user tells it to: plans and reports.
use super::HostError;
use std::io::Write;
use std::path::Path;

/// Replaces a file at one instant by these bytes, readable by its owner only.
///
/// # Errors
/// What the system says; the old file is then still there.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    let fail = |e: std::io::Error| HostError::os("write", path, e);
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}
