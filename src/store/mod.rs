//! Where the operator's backups live.
