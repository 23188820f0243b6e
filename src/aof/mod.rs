//! AOF: manifest, RESP framing, sets, cuts. Bytes in, facts out.
