//! What --auto may do.
