//! `steelring operation`.

use clap::{Args, Subcommand};
use domain::{ListName, OperationName, Timestamp};

use super::Server;

/// Who answers for a change of an operation, and how it is told.
#[derive(Debug, Args)]
pub struct ChangingOperation {
    /// Why, for the operation's record.
    #[arg(long)]
    pub why: String,
    /// Answers as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub server: Server,
}

/// What an operation shall be.
#[derive(Debug, Args)]
pub struct NewOperation {
    /// What it is for.
    #[arg(long)]
    pub purpose: String,
    /// The hour in which it begins, such as 2007-11-05T08:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub starts: Timestamp,
    /// The hour in which it is over.
    #[arg(long, value_name = "TIME")]
    pub ends: Timestamp,
    /// One of its lists; may be repeated.
    #[arg(long = "list", value_name = "LIST", required = true)]
    pub lists: Vec<ListName>,
    /// The unit that answers for it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub owner: String,
}

#[derive(Debug, Subcommand)]
pub enum Operation {
    /// Makes an operation, or says anew what one is.
    Put {
        /// Its name.
        name: OperationName,
        #[command(flatten)]
        operation: NewOperation,
        #[command(flatten)]
        changing: ChangingOperation,
    },
    /// Ends one that runs, with the hour that is running. Its lists stay: those that are still live are named.
    End {
        /// Its name.
        name: OperationName,
        #[command(flatten)]
        changing: ChangingOperation,
    },
    /// One with what came of its lists in its hours, and every change.
    Show {
        /// Its name.
        name: OperationName,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// All, those that begin last first.
    List {
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
}
