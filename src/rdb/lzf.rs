//! LZF, the compression of strings: whole, only the head, or in pieces.

use super::encoded::HEAD;

/// Unpacks LZF into `out`, which never grows beyond `len`.
pub(super) fn unlzf(packed: &[u8], len: usize, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let from = out.len();
    let mut rest = packed;
    while let Some((&control, tail)) = rest.split_first() {
        if control < 32 {
            let (literal, tail) = tail.split_at_checked(usize::from(control) + 1).ok_or("LZF literal is cut off")?;
            out.extend_from_slice(literal);
            rest = tail;
        } else {
            let (run, back, tail) = reference(control, tail)?;
            let start = out.len().checked_sub(back).filter(|s| *s >= from).ok_or("LZF points before its start")?;
            if out.len() - from + run > len {
                return Err("LZF unpacks to more than it says");
            }
            copy_back(out, start, run);
            rest = tail;
        }
        if out.len() - from > len {
            return Err("LZF unpacks to more than it says");
        }
    }
    if out.len() - from == len { Ok(()) } else { Err("LZF unpacks to less than it says") }
}

/// Compressed bytes that unpack to a whole head: each byte of it takes at most one of its own and one that says how many.
pub(super) const PACKED_HEAD: usize = 2 * HEAD + 64;

/// Unpacks the first bytes of what `packed` begins; whatever is wrong in them shows as a count that is missing.
pub(super) fn unlzf_head(packed: &[u8], out: &mut Vec<u8>) {
    let mut rest = packed;
    while out.len() < HEAD {
        let Some((&control, tail)) = rest.split_first() else { return };
        if control < 32 {
            let literal = tail.get(..tail.len().min(usize::from(control) + 1)).unwrap_or_default();
            out.extend_from_slice(literal);
            rest = tail.get(literal.len()..).unwrap_or_default();
            continue;
        }
        let Ok((run, back, tail)) = reference(control, tail) else { return };
        let Some(start) = out.len().checked_sub(back) else { return };
        copy_back(out, start, run);
        rest = tail;
    }
}

/// Appends `run` bytes from `start` on, which are inside `out` or are being appended: what is repeated gets longer by itself.
#[inline]
fn copy_back(out: &mut Vec<u8>, start: usize, run: usize) {
    let mut left = run;
    while left > 0 {
        let piece = left.min(out.len() - start);
        out.extend_from_within(start..start + piece);
        left -= piece;
    }
}

/// A back reference: how many bytes, from how far back, and what follows it.
fn reference(control: u8, tail: &[u8]) -> Result<(usize, usize, &[u8]), &'static str> {
    let cut = "LZF reference is cut off";
    let high = usize::from(control & 0x1f) << 8;
    match (control >> 5, tail) {
        (7, [long, low, tail @ ..]) => Ok((usize::from(*long) + 9, high + usize::from(*low) + 1, tail)),
        (7, _) => Err(cut),
        (run, [low, tail @ ..]) => Ok((usize::from(run) + 2, high + usize::from(*low) + 1, tail)),
        _ => Err(cut),
    }
}

/// The furthest a reference points back.
const WINDOW: usize = 8192;
/// Unpacked bytes that are shown at once.
const STRETCH: usize = 64 << 10;

/// Unpacks in pieces, in memory that does not grow with the length.
#[derive(Debug)]
pub(super) struct Stretch {
    /// The beginning of a run whose end is in the next piece.
    carry: Vec<u8>,
    out: Vec<u8>,
    /// From where on `out` was not shown yet.
    fresh: usize,
    /// Bytes still to come.
    left: u64,
}

impl Stretch {
    /// Of bytes that say they unpack to `len`.
    pub(super) fn new(len: u64) -> Self {
        Stretch { carry: Vec::new(), out: Vec::new(), fresh: 0, left: len }
    }

    /// Takes the next packed bytes, and shows what they unpack to as it becomes enough.
    pub(super) fn take(&mut self, piece: &[u8], mut show: impl FnMut(&[u8])) -> Result<(), &'static str> {
        let mut carry = std::mem::take(&mut self.carry);
        carry.extend_from_slice(piece);
        let mut rest = carry.as_slice();
        while let Some((&control, tail)) = rest.split_first() {
            let before = self.out.len();
            if control < 32 {
                let Some((literal, tail)) = tail.split_at_checked(usize::from(control) + 1) else { break };
                self.out.extend_from_slice(literal);
                rest = tail;
            } else {
                let Ok((run, back, tail)) = reference(control, tail) else { break };
                let start = before.checked_sub(back).ok_or("LZF points before its start")?;
                copy_back(&mut self.out, start, run);
                rest = tail;
            }
            let more = (self.out.len() - before) as u64;
            self.left = self.left.checked_sub(more).ok_or("LZF unpacks to more than it says")?;
            if self.out.len() > STRETCH + WINDOW {
                show(self.out.get(self.fresh..).unwrap_or_default());
                self.out.drain(..self.out.len() - WINDOW);
                self.fresh = WINDOW;
            }
        }
        let used = carry.len() - rest.len();
        carry.drain(..used);
        self.carry = carry;
        Ok(())
    }

    /// Shows the rest.
    pub(super) fn end(&mut self, mut show: impl FnMut(&[u8])) -> Result<(), &'static str> {
        if !self.carry.is_empty() {
            return Err("LZF is cut off");
        }
        show(self.out.get(self.fresh..).unwrap_or_default());
        if self.left == 0 { Ok(()) } else { Err("LZF unpacks to less than it says") }
    }
}
