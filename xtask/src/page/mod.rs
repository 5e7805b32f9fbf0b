//! The web page's tools: Node with npm, the page's packages, its build, and a browser.

mod build;
mod node;

use std::path::PathBuf;

use anyhow::{Context, Result};

pub use build::{build, install, sources};
pub use node::{Node, node};

use crate::run;

/// Names that Chromium and its relatives go by.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
];

/// The browser that the end-to-end tests drive.
pub fn chromium() -> Result<PathBuf> {
    let found = BROWSERS.iter().find_map(|name| run::find(name));
    found.context("no Chromium on the PATH: install it (Debian's package is called chromium)")
}
