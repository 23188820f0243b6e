//! The decision tree over facts.
