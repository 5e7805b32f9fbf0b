//! One suite of claims about the store, each tried on SQLite in a file, SQLite in memory and real PostgreSQL, in a
//! database of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

/// Makes each claim a test on every database. Those behind `persistent` open their database more than once, which one in
/// memory does not survive.
macro_rules! claims {
    ($($claim:ident),* ; persistent $($lasting:ident),* $(,)?) => {
        mod sqlite_file {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $claim() { super::$claim(&$crate::world::World::sqlite_file()).await; })*
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $lasting() { super::$lasting(&$crate::world::World::sqlite_file()).await; })*
        }
        mod sqlite_memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $claim() { super::$claim(&$crate::world::World::sqlite_memory()).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $claim() { super::$claim(&$crate::world::World::postgres()).await; })*
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $lasting() { super::$lasting(&$crate::world::World::postgres()).await; })*
        }
    };
}

/// As [`claims`], and each claim once more where even small changes of lists are made as large ones are.
macro_rules! claims_of_lists {
    ($($claim:ident),* ; persistent $($lasting:ident),* $(,)?) => {
        claims!($($claim),* ; persistent $($lasting),*);
        mod shelved_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $claim() { super::$claim(&$crate::world::World::sqlite_file().shelved()).await; })*
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $lasting() { super::$lasting(&$crate::world::World::sqlite_file().shelved()).await; })*
        }
        mod shelved_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $claim() { super::$claim(&$crate::world::World::postgres().shelved()).await; })*
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $lasting() { super::$lasting(&$crate::world::World::postgres().shelved()).await; })*
        }
    };
}

mod audit;
mod commands;
mod distribution;
mod drafts;
mod events;
mod feeds;
mod fold;
mod hits;
mod large_drafts;
mod lists;
mod nominals;
mod observations;
mod opening;
mod operations;
mod people;
mod recall;
mod reviews;
mod rules;
mod shelves;
mod world;
mod yields;
