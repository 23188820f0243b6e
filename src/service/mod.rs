//! systemd, process, command.
