//! Hits become cases; which unit can be there first, and why.
