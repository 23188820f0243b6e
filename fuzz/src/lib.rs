//! What the targets share: a bound on memory, and a checksum of their own, so that the proof does not share code with what
//! it proves.
use std::alloc::System;

use cap::Cap;

/// What redis-dr promises to need at most, 64 MiB: an allocation beyond it fails, and the run ends with its input kept.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, 64 << 20);

/// CRC-64 ("Jones") as RDB uses it, bit by bit.
pub fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(
            sum ^ u64::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x95ac_9329_ac4b_c9b5 } else { sum >> 1 },
        )
    })
}

/// A number that depends on all of the input, to choose by.
pub fn chosen(bytes: &[u8], among: usize) -> usize {
    let mixed = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    (mixed >> 16) as usize % among.max(1)
}
