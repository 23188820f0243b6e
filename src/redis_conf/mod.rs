//! redis.conf as the server reads it.
