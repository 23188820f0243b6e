//! Safety copies of a run; holds the only pen.
