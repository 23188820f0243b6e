//! Recovery points: ranking, loss, time.
