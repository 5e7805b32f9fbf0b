//! `steelring nominal`.

use clap::{Args, Subcommand};
use domain::hotlist::Marker;
use domain::nominal::{Grading, PersonMarker, Relation};
use domain::{NominalRef, Vrm};
use jiff::civil::Date;

use super::Server;

/// Who answers for a change of a nominal, and how it is told.
#[derive(Debug, Args)]
pub struct Changing {
    /// Why, for the nominal's record.
    #[arg(long)]
    pub why: String,
    /// Answers as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub server: Server,
}

/// A vehicle of somebody.
#[derive(Debug, Args)]
pub struct NewLink {
    /// The vehicle's mark.
    pub vrm: Vrm,
    /// keeper, driver or associate.
    #[arg(long = "as", value_parser = relation, value_name = "RELATION")]
    pub relation: Relation,
    /// Where this is known from.
    #[arg(long, value_name = "TEXT")]
    pub source: String,
    /// 5x5x5: source A to E, information 1 to 5, handling 1 to 5, such as B23.
    #[arg(long)]
    pub grading: Grading,
    /// The day that it was known, such as 2007-10-23.
    #[arg(long)]
    pub date: Date,
}

#[derive(Debug, Subcommand)]
pub enum Nominal {
    /// Says who somebody is and what is coded about them, in the place of what was said before; links stay.
    Put {
        /// What intelligence calls them, such as a PNC id (a - for its /).
        reference: NominalRef,
        /// Their name.
        #[arg(long, default_value = "")]
        name: String,
        /// A marker's code, with its detail behind =, such as RSO=\"MAPPA level 2\"; may be repeated. Without any, nothing is coded.
        #[arg(long = "marker", value_name = "CODE[=DETAIL]", value_parser = person_marker)]
        markers: Vec<PersonMarker>,
        #[command(flatten)]
        changing: Changing,
    },
    /// Somebody is known no longer; their vehicles' entries follow.
    Remove {
        /// Their reference.
        reference: NominalRef,
        #[command(flatten)]
        changing: Changing,
    },
    /// Links a vehicle to somebody; its entry follows.
    Link {
        /// Their reference.
        reference: NominalRef,
        #[command(flatten)]
        link: NewLink,
        #[command(flatten)]
        changing: Changing,
    },
    /// Takes a vehicle off somebody; its entry follows.
    Unlink {
        /// Their reference.
        reference: NominalRef,
        /// The vehicle's mark.
        vrm: Vrm,
        #[command(flatten)]
        changing: Changing,
    },
    /// Somebody, with every change.
    Show {
        /// Their reference.
        reference: NominalRef,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Everybody, or those linked to a vehicle.
    List {
        /// Only those linked to this vehicle.
        #[arg(long)]
        vrm: Option<Vrm>,
        /// Only those behind this reference.
        #[arg(long, value_name = "REFERENCE")]
        after: Option<NominalRef>,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
}

fn person_marker(text: &str) -> Result<PersonMarker, String> {
    let (code, detail) = text.split_once('=').unwrap_or((text, ""));
    let marker = Marker::from_code(code.trim()).ok_or("not a marker's code: docs/hotlists.md lists them")?;
    Ok(PersonMarker {
        marker,
        detail: detail.trim().to_owned(),
    })
}

fn relation(text: &str) -> Result<Relation, String> {
    serde_json::from_value(text.into()).map_err(|_| "write keeper, driver or associate".to_owned())
}
