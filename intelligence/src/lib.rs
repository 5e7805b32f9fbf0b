//! What is looked for: hotlists in from files, checked, compared, published.
