//! The operators' service: HTTP API, live push, sign-in, audit, and the page.
