//! Cameras' formats in, plate reads out.
pub mod bof;
pub mod json;
pub mod limits;
pub mod message;
pub mod multipart;
pub mod reads;
pub mod times;
pub mod vendors;
pub mod xml;
