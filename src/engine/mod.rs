//! Walk forward, walk back, resume. Prints nothing, emits events.
