//! Spanned YAML with diagnostics.
