//! Finding ids, severities, scopes, hints.
