//! What becomes of lists once they are loaded: what came of them, and who looks them through.

use clap::Subcommand;
use domain::{EntryId, ListName};

use super::Server;

#[derive(Debug, Subcommand)]
pub enum Upkeep {
    /// Records that a list, or an entry of it, was looked through and stays.
    Review {
        /// The list's name.
        list: ListName,
        /// Only this entry, by its id.
        #[arg(long, value_name = "ID", conflicts_with = "vrm")]
        entry: Option<EntryId>,
        /// Only the entries of this mark or pattern.
        #[arg(long, value_name = "MARK")]
        vrm: Option<String>,
        /// Why it stays.
        #[arg(long)]
        why: String,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// What is overdue for review, by list and owner, as told on the newest day. Exit code 1 where anything is.
    Reviews {
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// What came of lists, or of the entries of one: hits, misreads, deployments, outcomes. docs/yield.md.
    Yield {
        /// The entries of this list that were hit most; without it every list.
        list: Option<ListName>,
        /// Of lists: so many days back.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: u16,
        /// Answers as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
}
