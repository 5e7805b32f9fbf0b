//! Steelring.
fn main() {}
