//! Files and processes of this machine: a half that looks, a half that writes.
