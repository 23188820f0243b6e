//! Probes, facts, findings. Changes nothing.
