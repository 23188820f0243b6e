//! Records sorted into buckets, in little memory: what does not fit goes into a file without a name.
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of a bucket that are gathered before they are put away.
const BLOCK: usize = 4096;
/// Bytes kept in memory before the file is made: a small comparison needs no disk.
const KEPT: usize = 8 << 20;

/// Makes the file when it is first needed, and says before each large write whether there is room.
pub(super) trait Disk: Sync {
    fn file(&self) -> io::Result<File>;
    /// # Errors
    /// So many bytes more would fill the disk.
    fn room(&self, bytes: u64) -> io::Result<()>;
}

/// Buckets of records of `N` bytes each.
pub(super) struct Spill<'a, const N: usize> {
    disk: &'a dyn Disk,
    buckets: Vec<Bucket>,
    kept: Vec<u8>,
    file: Option<File>,
    /// Bytes put away, here or there.
    len: u64,
}

/// One bucket: what is put away, as the numbers of its blocks, and what is gathered.
#[derive(Default)]
struct Bucket {
    blocks: Vec<u32>,
    gathered: Vec<u8>,
    records: u64,
}

impl<'a, const N: usize> Spill<'a, N> {
    /// So many records make a block; none lies across two.
    const RECORDS: usize = BLOCK / N;
    const USED: usize = Self::RECORDS * N;

    pub(super) fn new(disk: &'a dyn Disk) -> Self {
        Spill { disk, buckets: Vec::new(), kept: Vec::new(), file: None, len: 0 }
    }

    /// Puts a record into a bucket.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub(super) fn put(&mut self, bucket: usize, record: &[u8; N]) -> io::Result<()> {
        if bucket >= self.buckets.len() {
            self.buckets.resize_with(bucket + 1, Bucket::default);
        }
        let Some(into) = self.buckets.get_mut(bucket) else { return Ok(()) };
        into.gathered.extend_from_slice(record);
        into.records += 1;
        if into.gathered.len() < Self::USED {
            return Ok(());
        }
        let mut full = std::mem::take(&mut into.gathered);
        let block = u32::try_from(self.len / BLOCK as u64).map_err(io::Error::other)?;
        into.blocks.push(block);
        full.resize(BLOCK, 0);
        self.away(&full)?;
        full.clear();
        if let Some(into) = self.buckets.get_mut(bucket) {
            into.gathered = full;
        }
        Ok(())
    }

    /// Appends a block.
    fn away(&mut self, block: &[u8]) -> io::Result<()> {
        self.len += BLOCK as u64;
        if self.file.is_none() && self.kept.len() < KEPT {
            self.kept.extend_from_slice(block);
            return Ok(());
        }
        self.kept.extend_from_slice(block);
        if self.kept.len() < KEPT.min(1 << 20) && self.file.is_some() {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.disk.room(self.kept.len() as u64)?;
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(self.disk.file()?),
        };
        file.write_all_at(&self.kept, self.len - self.kept.len() as u64)?;
        self.kept.clear();
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

    /// Shows the records of a bucket.
    ///
    /// # Errors
    /// The disk fails.
    pub(super) fn each(&self, bucket: usize, mut show: impl FnMut(&[u8; N])) -> io::Result<()> {
        let Some(bucket) = self.buckets.get(bucket) else { return Ok(()) };
        let mut block = [0; BLOCK];
        let on_disk = self.len - self.kept.len() as u64;
        let mut all = |bytes: &[u8]| bytes.as_chunks::<N>().0.iter().for_each(&mut show);
        for number in &bucket.blocks {
            let at = u64::from(*number) * BLOCK as u64;
            match (&self.file, at.checked_sub(on_disk)) {
                (Some(file), None) => file.read_exact_at(&mut block, at)?,
                (_, inside) => {
                    let at = usize::try_from(inside.unwrap_or(at)).map_err(io::Error::other)?;
                    let there = self.kept.get(at..at + BLOCK).ok_or(io::ErrorKind::UnexpectedEof)?;
                    block.copy_from_slice(there);
                }
            }
            all(block.get(..Self::USED).unwrap_or_default());
        }
        all(&bucket.gathered);
        Ok(())
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
    fn every_record_comes_back_from_its_bucket_in_order() {
        for count in [0u64, 10, 5_000, 1_000_000] {
            let mut spill = Spill::<24>::new(&Temp);
            for n in 0..count {
                let mut record = [0; 24];
                record[..8].copy_from_slice(&n.to_le_bytes());
                spill.put((n % 7) as usize, &record).unwrap();
            }
            assert_eq!(spill.file.is_some(), count == 1_000_000);
            for bucket in 0..7u64 {
                let mut wanted = (bucket..count).step_by(7);
                spill
                    .each(bucket as usize, |record| {
                        assert_eq!(Some(u64::from_le_bytes(*record.first_chunk().unwrap())), wanted.next());
                    })
                    .unwrap();
                assert_eq!(wanted.next(), None);
            }
        }
    }

    #[test]
    fn a_disk_without_room_is_an_error() {
        let mut spill = Spill::<24>::new(&Full);
        let full = (0..1_000_000).find_map(|_| spill.put(3, &[0; 24]).err());
        assert_eq!(full.unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
