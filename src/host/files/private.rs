//! Files that redis-dr writes where its user tells it to: plans and reports.
use super::HostError;
use std::io::Write;
use std::path::Path;

/// Writes a file that must not be there yet, at one instant, readable by its owner only; directories above it that are
/// missing are made (0755).
///
/// # Errors
/// EEXIST when there is something of this name; else what the system says.
pub fn write_new_private(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    let fail = |e: std::io::Error| HostError::os("write", path, e);
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(fail)?;
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    file.persist_noclobber(path).map_err(|e| fail(e.error))?;
    std::fs::File::open(dir).and_then(|d| d.sync_all()).map_err(fail)
}

/// A new file that gets its name when it is whole, readable by its owner only. Dropped before, nothing is left of it.
#[derive(Debug)]
pub struct NewFile {
    file: std::io::BufWriter<tempfile::NamedTempFile>,
    path: std::path::PathBuf,
}

impl NewFile {
    /// Begins it beside its place, where nothing of its name may be.
    ///
    /// # Errors
    /// EEXIST; else what the system says.
    pub fn begin(path: &Path) -> Result<Self, HostError> {
        let fail = |e: std::io::Error| HostError::os("write", path, e);
        if std::fs::symlink_metadata(path).is_ok() {
            return Err(fail(std::io::ErrorKind::AlreadyExists.into()));
        }
        let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::NamedTempFile::new_in(dir).map_err(fail)?;
        Ok(NewFile { file: std::io::BufWriter::with_capacity(1 << 20, file), path: path.to_path_buf() })
    }

    /// Puts it in its place, on the disk, and tells its length in bytes.
    ///
    /// # Errors
    /// EEXIST when something has got its name meanwhile; else what the system says.
    pub fn finish(self) -> Result<u64, HostError> {
        let path = self.path;
        let fail = |e: std::io::Error| HostError::os("write", &path, e);
        let file = self.file.into_inner().map_err(|e| fail(e.into_error()))?;
        file.as_file().sync_all().map_err(fail)?;
        let length = file.as_file().metadata().map_err(fail)?.len();
        file.persist_noclobber(&path).map_err(|e| fail(e.error))?;
        let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(dir).and_then(|d| d.sync_all()).map_err(fail)?;
        Ok(length)
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A file without a name in a directory: it is gone when it is closed, however this process ends.
///
/// # Errors
/// What the system says.
pub fn nameless(dir: &Path) -> Result<std::fs::File, HostError> {
    tempfile::tempfile_in(dir).map_err(|e| HostError::os("make a temporary file in", dir, e))
}

/// Replaces a file at one instant by these bytes, readable by its owner only.
///
/// # Errors
/// What the system says; the old file is then still there.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    let fail = |e: std::io::Error| HostError::os("write", path, e);
    // a device or a pipe takes the bytes as it is: a file in its place would take it away from everybody
    if std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        let opened = std::fs::OpenOptions::new().write(true).open(path);
        return opened.and_then(|mut device| device.write_all(bytes)).map_err(fail);
    }
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}
