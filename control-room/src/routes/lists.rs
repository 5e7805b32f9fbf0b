//! The routes of lists: what is on them, who changes them, what comes of them, who takes them.

use domain::user::Permission::{
    Administer, ChangeHotlists, ChangePolicies, TakeLists, ViewHotlists, ViewYield,
};

use crate::access::Access::{self, Needs};
use crate::route::Route;
use crate::{
    check, confusion, distribution, drafts, entries, feeds, hotlists, nominals, operations, policies,
    reviews, schemas, yields,
};

/// Their part of the table.
pub(super) fn table() -> Vec<Route> {
    let mut table = lists();
    table.extend(care_of_lists());
    table.extend(second_person());
    table.extend(known_people());
    table.extend(fed());
    table.extend(looked_through());
    table.extend(given_out());
    table.extend(used_together());
    table
}

fn lists() -> Vec<Route> {
    vec![
        Route::get(
            "/api/hotlists",
            Needs(ViewHotlists),
            hotlists::list,
            "Lists, and where they are live",
        )
        .gives::<hotlists::HotlistsAnswer>("Lists and matchers"),
        Route::get(
            "/api/hotlists/{list}/entries",
            Needs(ViewHotlists),
            hotlists::entries,
            "A list's entries; audited",
        )
        .asks::<hotlists::EntriesAsked>()
        .gives::<hotlists::EntriesAnswer>("Entries in order of mark"),
        Route::post(
            "/api/hotlists/{list}/load",
            Needs(ChangeHotlists),
            hotlists::load,
            "Make a file the whole of a list",
        )
        .asks::<hotlists::LoadAsked>()
        .takes_types(&["text/csv", "application/json", "application/zip"])
        .gives::<hotlists::LoadAnswer>("What changed")
        .fails(413, "The file is larger than 1280 MiB")
        .fails(
            422,
            "`bad_rows` with `faults`, `bad_list` (with `guess` where the columns are not known) or `empty_list`: nothing was changed",
        ),
        Route::post(
            "/api/hotlists/{list}/withdraw",
            Needs(ChangeHotlists),
            hotlists::withdraw,
            "Take a list, or one vehicle on it, out of use",
        )
        .takes::<hotlists::Withdraw>()
        .gives::<hotlists::Became>("What changed, or the draft that waits; one mark never waits")
        .fails(404, "There is no such list or vehicle on it"),
        Route::post(
            "/api/confusion/learn",
            Needs(Administer),
            confusion::learn,
            "Learn confusion tables from verdicts and reads; the body is the table believed so far, or empty",
        )
        .takes_types(&["application/toml"])
        .gives::<confusion::LearnAnswer>("The tables, which are not put in force")
        .fails(413, "The table is larger than 4 MiB")
        .fails(422, "`bad_table`: the body is no file of confusion tables"),
    ]
}

fn care_of_lists() -> Vec<Route> {
    vec![
        Route::post(
            "/api/hotlists/{list}/check",
            Needs(ChangeHotlists),
            check::check,
            "What a file would do to a list; nothing is changed",
        )
        .asks::<hotlists::LoadAsked>()
        .takes_types(&["text/csv", "application/json", "application/zip"])
        .gives::<check::CheckAnswer>("What a load would find and change")
        .fails(413, "The file is larger than 1280 MiB")
        .fails(
            422,
            "`bad_list`: the file as a whole cannot be read; with `guess` where its columns are not known",
        ),
        Route::post(
            "/api/hotlists/{list}/entries",
            Needs(ChangeHotlists),
            entries::put,
            "Add or change one entry",
        )
        .takes::<entries::Put>()
        .gives::<hotlists::Became>("What changed, or the draft that waits")
        .fails(409, "`too_many_drafts`")
        .fails(422, "`bad_rows` with `faults`"),
        Route::get(
            "/api/hotlists/{list}/entries/{entry_id}/history",
            Needs(ViewHotlists),
            entries::history,
            "Who changed an entry, when, why, from what to what; audited",
        )
        .gives::<entries::HistoryAnswer>("Changes, the newest first")
        .fails(404, "The list never had it"),
    ]
}

fn second_person() -> Vec<Route> {
    vec![
        Route::get(
            "/api/hotlists/{list}/policy",
            Needs(ViewHotlists),
            policies::policy,
            "What a list demands of its changes",
        )
        .gives::<policies::PolicyAnswer>("The policy"),
        Route::post(
            "/api/hotlists/{list}/policy",
            Needs(ChangePolicies),
            policies::set,
            "Set what a list demands; audited with before and after",
        )
        .takes::<schemas::ListPolicy>()
        .gives::<policies::PolicyAnswer>("The policy"),
        Route::get(
            "/api/drafts",
            Needs(ViewHotlists),
            drafts::drafts,
            "Changes that wait for a second person",
        )
        .asks::<drafts::DraftsAsked>()
        .gives::<drafts::DraftsAnswer>("Drafts, the oldest first"),
        Route::get(
            "/api/drafts/{draft}/entries",
            Needs(ViewHotlists),
            drafts::entries,
            "What a waiting draft would have on its list; audited",
        )
        .asks::<drafts::DraftEntriesAsked>()
        .gives::<drafts::DraftEntriesAnswer>("Entries"),
        Route::post(
            "/api/drafts/{draft}/decide",
            Needs(ChangeHotlists),
            drafts::decide,
            "Authorise or decline a draft",
        )
        .takes::<drafts::DecideDraft>()
        .gives::<schemas::Decided>("The draft, and what it changed")
        .fails(404, "There is no such draft")
        .fails(409, "`own_draft` or `decided`; the message names the person"),
    ]
}

fn known_people() -> Vec<Route> {
    let refused = "`bad_nominal`: the field that is wrong, and why";
    let unknown = "There is no such nominal";
    vec![
        Route::get(
            "/api/nominals",
            Needs(ChangeHotlists),
            nominals::list,
            "People known to intelligence; audited",
        )
        .asks::<nominals::NominalsAsked>()
        .gives::<nominals::NominalsAnswer>("Nominals in order of reference"),
        Route::get(
            "/api/nominals/{nominal}",
            Needs(ChangeHotlists),
            nominals::one,
            "A nominal, and every change of it; audited",
        )
        .gives::<schemas::NominalRecord>("The nominal as it is, and its changes, the newest first")
        .fails(404, "Nobody was ever known under that reference"),
        Route::post(
            "/api/nominals/{nominal}",
            Needs(ChangeHotlists),
            nominals::put,
            "Say who a nominal is and what is coded about them; the linked vehicles follow",
        )
        .takes::<nominals::PutNominal>()
        .gives::<schemas::NominalChanged>("What changed")
        .fails(422, refused),
        Route::post(
            "/api/nominals/{nominal}/remove",
            Needs(ChangeHotlists),
            nominals::remove,
            "A nominal is known no longer; the linked vehicles follow",
        )
        .takes::<nominals::RemoveNominal>()
        .gives::<schemas::NominalChanged>("What changed")
        .fails(404, unknown)
        .fails(422, refused),
        Route::post(
            "/api/nominals/{nominal}/link",
            Needs(ChangeHotlists),
            nominals::link,
            "Link a vehicle to a nominal; its entry follows",
        )
        .takes::<nominals::LinkNominal>()
        .gives::<schemas::NominalChanged>("What changed")
        .fails(404, unknown)
        .fails(409, "`too_many_links`: of the nominal or of the vehicle")
        .fails(422, refused),
        Route::post(
            "/api/nominals/{nominal}/unlink",
            Needs(ChangeHotlists),
            nominals::unlink,
            "Take a vehicle off a nominal; its entry follows",
        )
        .takes::<nominals::UnlinkNominal>()
        .gives::<schemas::NominalChanged>("What changed")
        .fails(404, "There is no such nominal or link")
        .fails(422, refused),
    ]
}

fn fed() -> Vec<Route> {
    vec![
        Route::get(
            "/api/feeds",
            Needs(ViewHotlists),
            feeds::list,
            "Feeds of lists: what came last, and which is late",
        )
        .gives::<feeds::FeedsAnswer>("Feeds"),
        Route::put(
            "/api/feeds/{feed}",
            Access::Feed,
            feeds::receive,
            "Put a list's file into a feed's folder, with the feed's own token as bearer token",
        )
        .takes_types(&["text/csv", "application/json", "application/zip"])
        .gives::<feeds::FeedReceived>(
            "It is on disk in the folder, and will be checked and loaded from there",
        )
        .fails(403, "`forbidden`: the token is another feed's")
        .fails(404, "There is no such feed")
        .fails(413, "The file is larger than 1280 MiB"),
    ]
}

fn looked_through() -> Vec<Route> {
    vec![
        Route::get(
            "/api/yield",
            Needs(ViewYield),
            yields::lists,
            "What came of lists in a span of hours, and which want a review",
        )
        .asks::<yields::YieldAsked>()
        .gives::<yields::YieldAnswer>("Lists by name"),
        Route::get(
            "/api/hotlists/{list}/yield",
            Needs(ViewYield),
            yields::entries,
            "What came of a list's entries that were hit most; audited",
        )
        .asks::<yields::EntryYieldsAsked>()
        .gives::<yields::EntryYieldsAnswer>("Entries, the most hits first"),
        Route::get(
            "/api/hotlists/{list}/entries/{entry_id}/yield",
            Needs(ViewYield),
            yields::entry,
            "What came of an entry in all; audited",
        )
        .gives::<yields::EntryYieldShown>("How often what came of it")
        .fails(404, "It is not on the list, and nothing came of it"),
        Route::post(
            "/api/hotlists/{list}/review",
            Needs(ChangeHotlists),
            reviews::review,
            "Record that a list, or an entry of it, was looked through and stays; audited",
        )
        .takes::<reviews::ReviewSaid>()
        .gives::<reviews::ReviewAnswer>("It is recorded")
        .fails(404, "There is no such list, or entry on it")
        .fails(422, "`why`: missing, or longer than 500 characters"),
        Route::get(
            "/api/reviews",
            Needs(ViewYield),
            reviews::notices,
            "What is overdue for review, as told on the newest day",
        )
        .gives::<reviews::ReviewsAnswer>("Notices by list and owner"),
        Route::post(
            "/api/reviews/seen",
            Needs(ViewYield),
            reviews::seen,
            "Say that a notice was seen; audited",
        )
        .takes::<reviews::SeenNotice>()
        .gives::<reviews::SeenNoticeAnswer>("It is recorded")
        .fails(404, "There is no such notice"),
    ]
}

fn given_out() -> Vec<Route> {
    let unknown = "There is no such list, or it is not distributed";
    vec![
        Route::get(
            "/api/distribution",
            Needs(TakeLists),
            distribution::lists,
            "The lists that clients may take, each with its revision",
        )
        .gives::<distribution::DistributionAnswer>("Lists by name"),
        Route::get(
            "/api/distribution/{list}",
            Needs(TakeLists),
            distribution::changes,
            "What changed on a list since a revision, page by page; audited",
        )
        .asks::<distribution::ChangesAsked>()
        .gives::<distribution::ChangesAnswer>("Changes in their order")
        .fails(404, unknown)
        .fails(
            409,
            "`ahead`: the revision is not of this repository, or `too_old`: begin anew with since=0",
        ),
        Route::get(
            "/api/distribution/{list}/file",
            Needs(TakeLists),
            distribution::file,
            "A list whole as 16 columns of CSV in a zip archive, or 304 where `If-None-Match` has its revision; audited",
        )
        .gives_type(
            "application/zip",
            "The archive; `ETag` and `x-revision` say the list's revision",
        )
        .fails(404, unknown),
    ]
}

fn used_together() -> Vec<Route> {
    let unknown = "There is no such operation";
    let refused = "`bad_operation`: the field that is wrong, and why";
    vec![
        Route::get(
            "/api/operations",
            Needs(ViewHotlists),
            operations::list,
            "Operations: lists that are used together for a while",
        )
        .gives::<operations::OperationsAnswer>("Operations, those that begin last first"),
        Route::get(
            "/api/operations/{operation}",
            Needs(ViewHotlists),
            operations::one,
            "An operation, what came of its lists in its hours, and every change of it",
        )
        .gives::<schemas::OperationRecord>("The operation")
        .fails(404, unknown),
        Route::post(
            "/api/operations/{operation}",
            Needs(ChangeHotlists),
            operations::put,
            "Make an operation, or say anew what it is; audited",
        )
        .takes::<operations::PutOperation>()
        .gives::<operations::OperationChanged>("Its version")
        .fails(422, refused),
        Route::post(
            "/api/operations/{operation}/end",
            Needs(ChangeHotlists),
            operations::end,
            "End an operation with the hour that is running; audited",
        )
        .takes::<operations::EndOperation>()
        .gives::<operations::OperationChanged>("Its version")
        .fails(404, unknown)
        .fails(409, "`not_running`: it has not begun, or is over")
        .fails(422, refused),
    ]
}
