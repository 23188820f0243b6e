//! The condition language: parsed, statically typed, three-valued.
