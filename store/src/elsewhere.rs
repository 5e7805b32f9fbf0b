//! What other lists ask for about the same marks.

use std::collections::HashMap;

use domain::ListName;
use domain::hotlist::Action;
use domain::target::Target;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;

use crate::StoreError;
use crate::rows::Source;
use crate::sql::{Step, from_json, parsed, unreadable};

/// Contradictions that are told: whoever has a hundred has one mistake a hundred times.
pub const MOST_CONTRADICTIONS: usize = 100;

/// One mark, to be stopped by one list and on no account by another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// The mark or pattern.
    pub vrm: Target,
    /// What would be asked for here.
    pub action: Action,
    /// The other list.
    pub list: ListName,
    /// What is asked for there.
    pub there: Action,
}

/// The first contradictions between wanted entries and those of every other list. One pass over these, since a list may have a
/// million marks and an index by mark alone would cost every load; the database tells the action by its place in the document, as a
/// quote within a text is always escaped there.
pub(crate) async fn contradictions(
    on: &mut AnyConnection,
    list: &ListName,
    source: &Source,
) -> Result<Vec<Contradiction>, StoreError> {
    let step = "reading other lists";
    let mut actions: HashMap<Target, Action> = HashMap::new();
    let mut blocks = source.blocks();
    while let Some(block) = blocks.next(on).await? {
        actions.extend(
            block
                .iter()
                .map(|wanted| (wanted.entry.target, wanted.entry.action)),
        );
    }
    let mut rows = sqlx::query_as(
        "SELECT list, vrm, action FROM (SELECT entries.list, vrm, CASE \
           WHEN doc LIKE '%\"action\":\"stop\"%' THEN 'stop' \
           WHEN doc LIKE '%\"action\":\"observe\"%' THEN 'observe' \
           WHEN doc LIKE '%\"action\":\"silent\"%' THEN 'silent' ELSE '' END AS action \
         FROM lists JOIN entries ON entries.shelf = lists.shelf WHERE lists.list <> $1) AS others WHERE action <> ''",
    )
    .bind(list.as_str().to_owned())
    .fetch(on);
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await.step(step)? {
        let (other, vrm, there): (String, String, String) = row;
        let vrm = Target::parse(&vrm).map_err(|error| unreadable("mark", error))?;
        let Some(action) = actions.get(&vrm).copied() else {
            continue;
        };
        let there: Action = from_json("action", &format!("\"{there}\""))?;
        if action.contradicts(there) {
            let list = parsed("list name", &other)?;
            found.push(Contradiction {
                vrm,
                action,
                list,
                there,
            });
            if found.len() == MOST_CONTRADICTIONS {
                break;
            }
        }
    }
    Ok(found)
}
