//! The project's own chores: cargo xtask up, cargo xtask test.
