//! The typed facts: JSON, schema and vocabulary of expressions in one.
