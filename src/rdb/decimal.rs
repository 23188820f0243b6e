//! Numbers as the texts that they are to clients.

/// Bytes of the longest number.
pub(super) const DECIMAL: usize = 20;

/// A number in decimal.
pub(super) fn decimal(n: i64, room: &mut [u8; DECIMAL]) -> &[u8] {
    let (mut left, mut from) = (n.unsigned_abs(), DECIMAL);
    for slot in room.iter_mut().rev() {
        *slot = b'0' + (left % 10) as u8;
        left /= 10;
        from -= 1;
        if left == 0 {
            break;
        }
    }
    if n < 0 {
        from = from.saturating_sub(1);
        room.get_mut(from).into_iter().for_each(|slot| *slot = b'-');
    }
    room.get(from..).unwrap_or_default()
}

/// The length of a number in decimal.
pub(super) fn decimal_len(n: i64) -> u64 {
    u64::from(n < 0) + n.unsigned_abs().checked_ilog10().map_or(1, |digits| u64::from(digits) + 1)
}
