//! Base64 as RFC 4648 has it; padding is optional, and lines may be broken, as PostgreSQL breaks them.

/// The bytes of a text.
///
/// # Errors
/// What is wrong with it.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = &text[..text.len() - padding];
    if padding > 2 || digits.len() % 4 == 1 {
        return Err("this is no base64: its length does not fit".into());
    }
    let mut out = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            bits = bits << 6
                | value(*digit)
                    .ok_or_else(|| format!("this is no base64: `{}`", char::from(*digit).escape_default()))?;
        }
        bits <<= 6 * (4 - group.len());
        let bytes = bits.to_be_bytes();
        out.extend_from_slice(&bytes[1..group.len()]);
    }
    Ok(out)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::decode;

    #[test]
    fn the_vectors_of_the_rfc_are_read_with_and_without_padding() {
        for (text, bytes) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob"), ("Zm9vYmFy", "foobar")]
        {
            assert_eq!(decode(text).unwrap(), bytes.as_bytes(), "{text}");
        }
        assert_eq!(decode("/wA+").unwrap(), [0xff, 0, 0x3e]);
        assert_eq!(decode("_wA-").unwrap(), [0xff, 0, 0x3e], "the form that is safe in addresses");
        assert_eq!(decode("Zm9v\nYmFy\n").unwrap(), b"foobar");
        for bad in ["Z", "Zm9v!", "Zg===", "a=b="] {
            assert!(decode(bad).is_err(), "{bad}");
        }
    }
}
