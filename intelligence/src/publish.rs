//! The stored lists into the log.
