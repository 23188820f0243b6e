//! redis-dr.yaml.
