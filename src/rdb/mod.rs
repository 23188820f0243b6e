//! RDB: a streaming walker.
