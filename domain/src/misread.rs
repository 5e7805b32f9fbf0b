//! How a mark as read differs from the mark that is listed.

use serde::{Deserialize, Serialize};

/// How the mark as read differs from the listed mark. Positions count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Not at all.
    None,
    /// Both have the same length, and so many characters were taken for others; which ones, the two marks tell.
    Alike {
        /// How many characters differ: at least 1.
        count: u8,
    },
    /// The read lacks a character that the listed mark has.
    Lost {
        /// Its place in the listed mark; the first one, where several give the same read.
        position: u8,
        /// The character as ASCII.
        character: u8,
    },
    /// The read has a character that the listed mark lacks.
    Gained {
        /// Its place in the read; the first one, where leaving out any of several gives the listed mark.
        position: u8,
        /// The character as ASCII.
        character: u8,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_survives_its_json() {
        let differences = [
            (Difference::None, r#""none""#),
            (Difference::Alike { count: 2 }, r#"{"alike":{"count":2}}"#),
            (
                Difference::Lost {
                    position: 6,
                    character: b'E',
                },
                r#"{"lost":{"position":6,"character":69}}"#,
            ),
            (
                Difference::Gained {
                    position: 0,
                    character: b'1',
                },
                r#"{"gained":{"position":0,"character":49}}"#,
            ),
        ];
        for (difference, json) in differences {
            assert_eq!(serde_json::to_string(&difference).unwrap(), json);
            assert_eq!(serde_json::from_str::<Difference>(json).unwrap(), difference);
        }
    }
}
