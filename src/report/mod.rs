//! Facts, plans and journals as words.
