//! Layout of the state directory.
