//! What steps can do: one file per family.
