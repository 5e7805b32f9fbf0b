//! Makes sure that there is a folder to embed, so that the crate builds before its page does.

use std::path::Path;

fn main() {
    let dist = Path::new("ui/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    if let Err(error) = std::fs::create_dir_all(dist) {
        println!("cargo::error=cannot make {}: {error}", dist.display());
    }
}
