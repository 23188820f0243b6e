//! The story: assess, choose, plan, confirm, run, verify.
