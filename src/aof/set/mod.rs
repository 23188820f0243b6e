//! The whole AOF of an instance.
