//! RESP to a live server.
