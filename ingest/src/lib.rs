//! Cameras' formats in, plate reads out.
