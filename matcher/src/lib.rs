//! Reads against hotlists: hits.
