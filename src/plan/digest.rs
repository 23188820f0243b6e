//! The plan's digest: blake3 over the compact JSON with sorted keys, the key `digest` left out.
use serde_json::Value;
use sha2::Digest as _;

/// Compact JSON with sorted keys.
#[must_use]
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_by(|a, b| a.0.cmp(b.0));
            let parts: Vec<String> =
                keys.iter().map(|(k, v)| format!("{}:{}", Value::String((*k).clone()), canonical(v))).collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// The digest of a plan document, hexadecimal.
#[must_use]
pub fn digest_of(plan: &Value) -> String {
    let mut plan = plan.clone();
    if let Some(map) = plan.as_object_mut() {
        map.remove("digest");
    }
    blake3::hash(canonical(&plan).as_bytes()).to_hex().to_string()
}

/// SHA-256, hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_ignores_key_order_and_itself() {
        let a = serde_json::json!({"b": [1, 2.5, null], "a": {"y": "ü", "x": true}, "digest": "whatever"});
        let b = serde_json::json!({"a": {"x": true, "y": "ü"}, "b": [1, 2.5, null]});
        assert_eq!(canonical(&b), r#"{"a":{"x":true,"y":"ü"},"b":[1,2.5,null]}"#);
        assert_eq!(digest_of(&a), digest_of(&b));
    }

    /// The test vector of docs/architecture.md.
    #[test]
    fn the_digest_is_blake3_of_that_text() {
        let plan = serde_json::json!({"b": [1, 2.5, null], "a": {"x": true}});
        assert_eq!(digest_of(&plan), "531fd4fbcfdc321d6f0dd85b77bedf2e1c0692bd252bcfd05c44c35598bbeaec");
    }
}
