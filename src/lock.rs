//! One run per instance.
