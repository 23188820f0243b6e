//! The packed encodings inside values: listpack, ziplist, intset, zipmap.

/// How a blob packs its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Listpack,
    Ziplist,
    Intset,
    Zipmap,
}

/// A packed element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Text(&'a [u8]),
    Int(i64),
}

/// The bytes a head can be; enough for every packing's element count.
pub(super) const HEAD: usize = 10;

impl Packing {
    /// The length of a blob without an element.
    pub(super) fn empty_len(self) -> u64 {
        match self {
            Packing::Listpack => 7,
            Packing::Ziplist => 11,
            Packing::Intset => 8,
            Packing::Zipmap => 2,
        }
    }

    /// The number of elements from a blob's first bytes; none when the packing does not say (very long ones).
    pub(super) fn count(self, head: &[u8]) -> Option<u64> {
        let short = |at: usize| {
            let bytes = head.get(at..)?.first_chunk::<2>()?;
            Some(u16::from_le_bytes(*bytes)).filter(|n| *n < u16::MAX).map(u64::from)
        };
        match self {
            Packing::Listpack => short(4),
            Packing::Ziplist => short(8),
            Packing::Intset => head.get(4..)?.first_chunk::<4>().map(|b| u64::from(u32::from_le_bytes(*b))),
            Packing::Zipmap => head.first().filter(|n| **n < 254).map(|n| u64::from(*n) * 2),
        }
    }

    /// Walks a whole blob and counts its elements (a field and its value are two).
    pub(super) fn check(self, blob: &[u8]) -> Result<u64, &'static str> {
        self.items(blob, |_| {})
    }

    /// As [`Packing::check`], and shows each element.
    pub(super) fn items<'a>(self, blob: &'a [u8], show: impl FnMut(Item<'a>)) -> Result<u64, &'static str> {
        match self {
            Packing::Listpack => listpack(blob, show),
            Packing::Ziplist => ziplist(blob, show),
            Packing::Intset => intset(blob, show),
            Packing::Zipmap => zipmap(blob, show),
        }
    }
}

fn listpack<'a>(blob: &'a [u8], mut show: impl FnMut(Item<'a>)) -> Result<u64, &'static str> {
    let mut count = 0;
    listpack_entries(blob, |entry| {
        count += 1;
        show(listpack_item(entry));
    })?;
    match Packing::Listpack.count(blob) {
        Some(stated) if stated != count => Err("listpack does not have the number of entries it says"),
        _ => Ok(count),
    }
}

/// Walks a listpack and shows its entries, each with its encoding byte and without its back length.
pub(super) fn listpack_entries<'a>(blob: &'a [u8], mut show: impl FnMut(&'a [u8])) -> Result<(), &'static str> {
    let mut entries = Listpack::open(blob)?;
    while let Some(entry) = entries.entry()? {
        show(entry);
    }
    Ok(())
}

/// The entries of a listpack, one after the other; a clone goes on from where it was made.
#[derive(Debug, Clone)]
pub(super) struct Listpack<'a> {
    rest: &'a [u8],
}

impl<'a> Listpack<'a> {
    pub(super) fn open(blob: &'a [u8]) -> Result<Self, &'static str> {
        let total = blob.first_chunk::<4>().map(|b| u32::from_le_bytes(*b) as usize).ok_or("listpack is too short")?;
        if total != blob.len() || blob.last() != Some(&0xff) || total < 7 {
            return Err("listpack does not have the length it says");
        }
        Ok(Listpack { rest: blob.get(6..blob.len() - 1).ok_or("listpack is too short")? })
    }

    /// What the next entry holds; none at the end.
    pub(super) fn item(&mut self) -> Result<Option<Item<'a>>, &'static str> {
        Ok(self.entry()?.map(listpack_item))
    }

    /// The next entry, with its encoding byte and without its back length.
    fn entry(&mut self) -> Result<Option<&'a [u8]>, &'static str> {
        let cut = "listpack entry is cut off";
        if self.rest.is_empty() {
            return Ok(None);
        }
        let len = listpack_entry(self.rest).ok_or(cut)?;
        let (entry, tail) = self.rest.split_at_checked(len).ok_or(cut)?;
        // Nearly all are short, and then it is the length itself.
        if let (..=127, Some((&back, tail))) = (len, tail.split_first()) {
            if usize::from(back) != len {
                return Err("listpack entry has a wrong back length");
            }
            self.rest = tail;
            return Ok(Some(entry));
        }
        let back = listpack_backlen(len);
        let (stored, tail) = tail.split_at_checked(back.len).ok_or(cut)?;
        if back.bytes.get(..back.len) != Some(stored) {
            return Err("listpack entry has a wrong back length");
        }
        self.rest = tail;
        Ok(Some(entry))
    }
}

/// What an entry holds.
fn listpack_item(entry: &[u8]) -> Item<'_> {
    if let Some(number) = listpack_number(entry) {
        return Item::Int(number);
    }
    let head = match entry.first() {
        Some(0x80..=0xbf) => 1,
        Some(0xe0..=0xef) => 2,
        _ => 5,
    };
    Item::Text(entry.get(head..).unwrap_or_default())
}

/// The integer an entry holds; none for text.
pub(super) fn listpack_number(entry: &[u8]) -> Option<i64> {
    let (&first, rest) = entry.split_first()?;
    Some(match first {
        0..=0x7f => i64::from(first),
        0xc0..=0xdf => {
            let raw = i64::from(first & 0x1f) << 8 | i64::from(*rest.first()?);
            if raw < 1 << 12 { raw } else { raw - (1 << 13) }
        }
        0xf1..=0xf4 => signed(rest),
        _ => return None,
    })
}

/// A little-endian signed number of one to eight bytes.
fn signed(raw: &[u8]) -> i64 {
    let bits = 8 * raw.len().clamp(1, 8);
    let value = raw.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
    // Sign extension: up and back.
    (value << (64 - bits)).cast_signed() >> (64 - bits)
}

/// The length of an entry, its encoding byte included, its back length not.
fn listpack_entry(entry: &[u8]) -> Option<usize> {
    let first = *entry.first()?;
    Some(match first {
        0..=0x7f => 1,
        0x80..=0xbf => 1 + usize::from(first & 0x3f),
        0xc0..=0xdf => 2,
        0xe0..=0xef => 2 + (usize::from(first & 0x0f) << 8 | usize::from(*entry.get(1)?)),
        0xf0 => 5usize.checked_add(u32::from_le_bytes(*entry.get(1..)?.first_chunk()?) as usize)?,
        0xf1 => 3,
        0xf2 => 4,
        0xf3 => 5,
        0xf4 => 9,
        _ => return None,
    })
}

struct Backlen {
    bytes: [u8; 5],
    len: usize,
}

fn listpack_backlen(len: usize) -> Backlen {
    let len = len as u64;
    let groups = match len {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    };
    let mut bytes = [0; 5];
    for (at, slot) in bytes.iter_mut().take(groups).enumerate() {
        let seven = (len >> (7 * (groups - 1 - at)) & 0x7f) as u8;
        *slot = if at == 0 { seven } else { seven | 0x80 };
    }
    Backlen { bytes, len: groups }
}

fn ziplist<'a>(blob: &'a [u8], mut show: impl FnMut(Item<'a>)) -> Result<u64, &'static str> {
    let total = blob.first_chunk::<4>().map(|b| u32::from_le_bytes(*b) as usize).ok_or("ziplist is too short")?;
    if total != blob.len() || blob.last() != Some(&0xff) || total < 11 {
        return Err("ziplist does not have the length it says");
    }
    let stated = Packing::Ziplist.count(blob);
    let mut rest = blob.get(10..blob.len() - 1).ok_or("ziplist is too short")?;
    let (mut count, mut before) = (0, 0);
    while let Some(&first) = rest.first() {
        let (previous, after) = if first < 254 {
            (usize::from(first), rest.get(1..))
        } else {
            let stored = rest.get(1..).and_then(<[u8]>::first_chunk::<4>).ok_or("ziplist entry is cut off")?;
            (u32::from_le_bytes(*stored) as usize, rest.get(5..))
        };
        if first == 255 || previous != before {
            return Err("ziplist entry has a wrong back length");
        }
        let after = after.ok_or("ziplist entry is cut off")?;
        let len = ziplist_entry(after).ok_or("ziplist entry is cut off")?;
        let (entry, tail) = after.split_at_checked(len).ok_or("ziplist entry is cut off")?;
        show(ziplist_item(entry));
        before = rest.len() - tail.len();
        rest = tail;
        count += 1;
    }
    match stated {
        Some(stated) if stated != count => Err("ziplist does not have the number of entries it says"),
        _ => Ok(count),
    }
}

fn ziplist_entry(entry: &[u8]) -> Option<usize> {
    let first = *entry.first()?;
    Some(match first {
        0..=0x3f => 1 + usize::from(first),
        0x40..=0x7f => 2 + (usize::from(first & 0x3f) << 8 | usize::from(*entry.get(1)?)),
        0x80 => 5usize.checked_add(u32::from_be_bytes(*entry.get(1..)?.first_chunk()?) as usize)?,
        0xc0 => 3,
        0xd0 => 5,
        0xe0 => 9,
        0xf0 => 4,
        0xfe => 2,
        0xf1..=0xfd => 1,
        _ => return None,
    })
}

/// What an entry holds; its length was found right before.
fn ziplist_item(entry: &[u8]) -> Item<'_> {
    let rest = |from: usize| entry.get(from..).unwrap_or_default();
    match entry.first() {
        Some(0..=0x3f) => Item::Text(rest(1)),
        Some(0x40..=0x7f) => Item::Text(rest(2)),
        Some(0x80) => Item::Text(rest(5)),
        // Zero to twelve in the byte itself.
        Some(&first @ 0xf1..=0xfd) => Item::Int(i64::from(first & 0x0f) - 1),
        _ => Item::Int(signed(rest(1))),
    }
}

fn intset<'a>(blob: &'a [u8], mut show: impl FnMut(Item<'a>)) -> Result<u64, &'static str> {
    let width = blob.first_chunk::<4>().map(|b| u32::from_le_bytes(*b)).ok_or("intset is too short")?;
    let count = Packing::Intset.count(blob).ok_or("intset is too short")?;
    if !matches!(width, 2 | 4 | 8) || blob.len() as u64 != 8 + count * u64::from(width) {
        return Err("intset does not have the length it says");
    }
    let numbers = blob.get(8..).unwrap_or_default();
    let numbers = numbers.chunks_exact(width as usize).map(signed);
    if !numbers.clone().is_sorted_by(|a, b| a < b) {
        return Err("intset is not in order");
    }
    numbers.for_each(|number| show(Item::Int(number)));
    Ok(count)
}

fn zipmap<'a>(blob: &'a [u8], mut show: impl FnMut(Item<'a>)) -> Result<u64, &'static str> {
    let cut = "zipmap entry is cut off";
    let (_, mut rest) = blob.split_first().ok_or("zipmap is too short")?;
    let mut count = 0;
    loop {
        let (&first, tail) = rest.split_first().ok_or(cut)?;
        if first == 255 {
            return if tail.is_empty() && count % 2 == 0 { Ok(count) } else { Err("zipmap ends early") };
        }
        let (len, tail) = match first {
            254 => {
                let (raw, tail) = tail.split_first_chunk::<4>().ok_or(cut)?;
                (u32::from_le_bytes(*raw) as usize, tail)
            }
            short => (usize::from(short), tail),
        };
        // A value carries one more byte: how much unused room follows it.
        let (free, tail) =
            if count % 2 == 1 { tail.split_first().map(|(f, t)| (usize::from(*f), t)).ok_or(cut)? } else { (0, tail) };
        let (text, tail) = tail.split_at_checked(len).ok_or(cut)?;
        show(Item::Text(text));
        rest = tail.get(free..).ok_or(cut)?;
        count += 1;
    }
}
