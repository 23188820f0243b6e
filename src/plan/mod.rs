//! Runbook, facts and point become exact steps.
