//! Records sorted into buckets, in little memory: what does not fit goes into a file without a name.
use crate::facts::Bytes;
use crate::host::Look;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Bytes of a bucket that are gathered before they are put away.
const BLOCK: usize = 4096;
/// Bytes that are written at once, once there is a file.
const WRITTEN: usize = 1 << 20;
/// Bytes at the end of a block that name the one before it in its bucket.
const LINK: usize = 4;

/// Makes the file when it is first needed, and says before each large write whether there is room.
pub(super) trait Disk: Sync {
    fn file(&self) -> io::Result<File>;
    /// # Errors
    /// So many bytes more would fill the disk.
    fn room(&self, bytes: u64) -> io::Result<()>;
}

/// Bytes that are left free on the disk of the records.
const SPARE: u64 = 64 << 20;

/// Files without a name in a directory.
pub(super) struct Scratch {
    pub(super) look: Look,
    pub(super) dir: PathBuf,
}

impl Disk for Scratch {
    fn file(&self) -> io::Result<File> {
        crate::host::nameless(&self.dir).map_err(io::Error::other)
    }

    fn room(&self, bytes: u64) -> io::Result<()> {
        let free = self.look.space(&self.dir).map_err(io::Error::other)?.free_bytes;
        if free >= bytes.saturating_add(SPARE) {
            return Ok(());
        }
        let because = format!("only {} are free there", Bytes(free));
        Err(io::Error::new(io::ErrorKind::StorageFull, because))
    }
}

/// Buckets of records of `N` bytes each. The memory it takes grows with the number of buckets alone.
pub(super) struct Spill<'a, const N: usize> {
    disk: &'a dyn Disk,
    buckets: Vec<Bucket>,
    /// Bytes that may be kept before the file is made.
    in_memory: usize,
    kept: Vec<u8>,
    file: Option<File>,
    /// Bytes put away, here or there.
    len: u64,
}

/// One bucket: the last block that is put away, and what is gathered.
#[derive(Default)]
struct Bucket {
    last: Link,
    gathered: Vec<u8>,
    records: u64,
}

/// The number of a block, from one on; zero is none.
type Link = u32;

impl<'a, const N: usize> Spill<'a, N> {
    /// So many records make a block; none lies across two.
    const RECORDS: usize = (BLOCK - LINK) / N;
    const USED: usize = Self::RECORDS * N;

    /// Keeps so many bytes in memory, in blocks, before it makes a file.
    pub(super) fn new(disk: &'a dyn Disk, in_memory: usize) -> Self {
        Spill { disk, buckets: Vec::new(), in_memory, kept: Vec::new(), file: None, len: 0 }
    }

    /// Puts a record into a bucket.
    ///
    /// # Errors
    /// The disk is full, or fails.
    #[inline]
    pub(super) fn put(&mut self, bucket: usize, record: &[u8; N]) -> io::Result<()> {
        if bucket >= self.buckets.len() {
            self.buckets.resize_with(bucket + 1, Bucket::default);
        }
        let Some(into) = self.buckets.get_mut(bucket) else { return Ok(()) };
        into.gathered.extend_from_slice(record);
        into.records += 1;
        if into.gathered.len() < Self::USED { Ok(()) } else { self.put_away(bucket) }
    }

    /// Puts away what a bucket has gathered.
    fn put_away(&mut self, bucket: usize) -> io::Result<()> {
        let Some(into) = self.buckets.get_mut(bucket) else { return Ok(()) };
        let mut block = std::mem::take(&mut into.gathered);
        block.resize(BLOCK - LINK, 0);
        block.extend_from_slice(&into.last.to_le_bytes());
        self.len += BLOCK as u64;
        into.last = Link::try_from(self.len / BLOCK as u64).map_err(io::Error::other)?;
        self.kept.extend_from_slice(&block);
        block.clear();
        into.gathered = block;
        let most = if self.file.is_some() { WRITTEN } else { self.in_memory };
        if self.kept.len() < most { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.disk.room(self.kept.len() as u64)?;
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(self.disk.file()?),
        };
        file.write_all_at(&self.kept, self.len - self.kept.len() as u64)?;
        self.kept.clear();
        self.kept.shrink_to(WRITTEN);
        Ok(())
    }

    /// How many buckets there are; those without a record at the end are none.
    pub(super) fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// How many records a bucket has.
    pub(super) fn records(&self, bucket: usize) -> u64 {
        self.buckets.get(bucket).map_or(0, |bucket| bucket.records)
    }

    /// Shows the records of a bucket, in no order.
    ///
    /// # Errors
    /// The disk fails.
    pub(super) fn each(&self, bucket: usize, mut show: impl FnMut(&[u8; N])) -> io::Result<()> {
        let Some(bucket) = self.buckets.get(bucket) else { return Ok(()) };
        let mut block = [0; BLOCK];
        let mut all = |bytes: &[u8]| bytes.as_chunks::<N>().0.iter().for_each(&mut show);
        all(&bucket.gathered);
        let mut link = bucket.last;
        while let Some(number) = link.checked_sub(1) {
            self.block(u64::from(number) * BLOCK as u64, &mut block)?;
            all(block.get(..Self::USED).unwrap_or_default());
            let before = block.last_chunk().map_or(0, |link| Link::from_le_bytes(*link));
            if before >= link {
                return Err(io::Error::other("a block that was written is not what is read"));
            }
            link = before;
        }
        Ok(())
    }

    fn block(&self, at: u64, into: &mut [u8; BLOCK]) -> io::Result<()> {
        let on_disk = self.len - self.kept.len() as u64;
        match (&self.file, at.checked_sub(on_disk)) {
            (Some(file), None) => file.read_exact_at(into, at),
            (_, inside) => {
                let at = usize::try_from(inside.unwrap_or(at)).map_err(io::Error::other)?;
                let there = self.kept.get(at..at + BLOCK).ok_or(io::ErrorKind::UnexpectedEof)?;
                into.copy_from_slice(there);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    struct Temp;
    impl Disk for Temp {
        fn file(&self) -> io::Result<File> {
            tempfile::tempfile()
        }
        fn room(&self, _: u64) -> io::Result<()> {
            Ok(())
        }
    }

    struct Full;
    impl Disk for Full {
        fn file(&self) -> io::Result<File> {
            unreachable!("no file without room")
        }
        fn room(&self, _: u64) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn every_record_comes_back_from_its_bucket() {
        for count in [0u64, 10, 5_000, 1_000_000] {
            let mut spill = Spill::<24>::new(&Temp, 8 << 20);
            for n in 0..count {
                let mut record = [0; 24];
                record[..8].copy_from_slice(&n.to_le_bytes());
                spill.put((n % 7) as usize, &record).unwrap();
            }
            assert_eq!(spill.file.is_some(), count == 1_000_000);
            for bucket in 0..7u64 {
                let mut found = Vec::new();
                let note = |record: &[u8; 24]| found.push(u64::from_le_bytes(*record.first_chunk().unwrap()));
                spill.each(bucket as usize, note).unwrap();
                found.sort_unstable();
                assert!(found.into_iter().eq((bucket..count).step_by(7)));
            }
        }
    }

    #[test]
    fn a_disk_without_room_is_an_error() {
        let mut spill = Spill::<24>::new(&Full, 1 << 20);
        let full = (0..1_000_000).find_map(|_| spill.put(3, &[0; 24]).err());
        assert_eq!(full.unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
