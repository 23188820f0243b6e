//! Runbook grammar, includes, lint.
