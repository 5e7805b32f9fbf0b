//! Confusion tables as a file: TOML, versioned.
//!
//! ```toml
//! version = 1
//!
//! [all]                                # every camera without a table of its own
//! lost = 0.0015                        # how often a read lacks a character
//! gained = 0.0015                      # how often it has one too many
//! edge = 0.7                           # the share of both that is at the first or last place
//! burst = 5.0                          # by what factor one wrong character makes another likelier
//! repeated = 0.35                      # the share of misreads from plates that are misread the same way every time
//! elsewhere = 0.00002                  # how often a character is read as any one other that `misread` does not name
//! gained_as = { 1 = 0.35, I = 0.2 }    # what characters too many are; the rest spreads over the others
//!
//! [all.confidence]                     # what cameras' confidences mean
//! below = [0.5, 0.9]                   # bounds between intervals
//! right = [0.05, 0.15, 0.8]            # shares of rightly read characters in each interval
//! wrong = [0.5, 0.3, 0.2]              # and of wrongly read ones
//!
//! [all.misread.O]                      # a true O
//! 0 = 0.006                            # is read as 0 so often
//!
//! [cameras.m62-j6-east]                # the same keys again for one camera
//! ```
//!
//! What a character is not read as otherwise, it is read as itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::CameraId;
use serde::{Deserialize, Serialize};

use super::{Confusion, ConfusionError, Rates, Table};

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    all: Rates,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    cameras: BTreeMap<String, Rates>,
}

/// Looked at first, so that a later version is refused by its number and not by its first new key.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// The tables that a file's text holds.
///
/// # Errors
/// Names the key that is wrong.
pub fn read(text: &str) -> Result<Confusion, ConfusionError> {
    let Versioned { version } = toml::from_str(text)?;
    if version != VERSION {
        return Err(ConfusionError::Version(version));
    }
    let file: File = toml::from_str(text)?;
    let mut cameras = BTreeMap::new();
    for (name, rates) in file.cameras {
        let camera = CameraId::parse(&name).map_err(|_| ConfusionError::Camera(name))?;
        cameras.insert(camera, Arc::new(Table::new(rates)?));
    }
    Ok(Confusion::new(Table::new(file.all)?, cameras))
}

/// The text of a file that holds these tables.
///
/// # Errors
/// Where they cannot be written.
pub fn write(confusion: &Confusion) -> Result<String, ConfusionError> {
    let cameras = confusion.cameras();
    let file = File {
        version: VERSION,
        all: confusion.all().rates().clone(),
        cameras: cameras
            .map(|(camera, table)| (camera.to_string(), table.rates().clone()))
            .collect(),
    };
    Ok(toml::to_string(&file)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default_text() -> String {
        write(&Confusion::default()).unwrap()
    }

    #[test]
    fn tables_survive_their_file() {
        let rates = Rates {
            lost: 0.01,
            ..Rates::default()
        };
        let camera = CameraId::parse("m62-j6-east").unwrap();
        let own = BTreeMap::from([(camera.clone(), Arc::new(Table::new(rates.clone()).unwrap()))]);
        let text = write(&Confusion::new(Table::default(), own)).unwrap();
        let back = read(&text).unwrap();
        assert_eq!(back.of_camera(&camera).rates(), &rates);
        let other = CameraId::parse("other").unwrap();
        assert_eq!(back.of_camera(&other).rates(), &Rates::default());
    }

    #[test]
    fn a_bad_file_is_refused_with_its_reason() {
        let default = default_text();
        for (was, is, reason) in [
            (
                "version = 1",
                "version = 2",
                "version 2 of the file is not known here, version 1 is",
            ),
            (
                "lost = 0.0015",
                "lost = 1.5",
                "lost must be a number from 0 to below 1",
            ),
            (
                "lost = 0.0015",
                "lost = nan",
                "lost must be a number from 0 to below 1",
            ),
            (
                "lost = 0.0015",
                "list = 0.0015",
                "the file does not have the form of confusion tables",
            ),
            (
                "burst = 5.0",
                "burst = 0.5",
                "burst must be a number from 1 to 50",
            ),
            (
                "[all.misread.O]",
                "[all.misread.OO]",
                "\"OO\" is not a letter A-Z or a digit",
            ),
            (
                "[all.misread.O]",
                "[all.misread.O]\nP = 0.9",
                "'O' is read as something else in half of the cases or more",
            ),
        ] {
            let text = default.replacen(was, is, 1);
            assert_ne!(text, default, "{was}");
            assert_eq!(read(&text).unwrap_err().to_string(), reason);
        }
        let text = default.replacen("0.75]", "0.0]", 1).replace("0.75,\n", "0.0,\n");
        assert!(matches!(read(&text), Err(ConfusionError::Confidence)), "{text}");
    }
}
