//! A live server against a recovery point.
