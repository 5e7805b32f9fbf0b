//! The audit trail: append-only, and a change made behind its back is found.

use store::audit::AuditVerdict;

use crate::world::{World, at};

claims!(
    rows_are_numbered_and_come_newest_first,
    concurrent_rows_make_one_chain,
    whatever_was_typed_is_kept;
    persistent
    rows_cannot_be_changed_or_removed,
    tampering_is_found_at_the_row,
);

async fn rows_are_numbered_and_come_newest_first(world: &World) {
    let store = world.open().await;
    for number in 1..=5 {
        store
            .audit("smith", "view_case", &format!("case {number}"), "", at(number))
            .await
            .unwrap();
    }
    let rows = store.audit_rows(Some(5), 2).await.unwrap();
    let numbers: Vec<u64> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, [4, 3]);
    assert_eq!(rows[0].subject, "case 4");
    assert_eq!(rows[0].at, at(4));
    let whole = AuditVerdict {
        rows: 5,
        broken_at: None,
    };
    assert_eq!(store.verify_audit().await.unwrap(), whole);
}

async fn concurrent_rows_make_one_chain(world: &World) {
    let stores = world.open_two().await;
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = stores[task % 2].clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    store.audit("smith", "view_case", "x", "", at(0)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let whole = AuditVerdict {
        rows: 80,
        broken_at: None,
    };
    assert_eq!(stores[1].verify_audit().await.unwrap(), whole);
}

async fn whatever_was_typed_is_kept(world: &World) {
    let store = world.open().await;
    for typed in ["", "\0", "'; DROP TABLE audit; --", "🚓 ß", &"x".repeat(100_000)] {
        store
            .audit(typed, "sign_in_failed", typed, typed, at(0))
            .await
            .unwrap();
    }
    assert_eq!(store.verify_audit().await.unwrap().broken_at, None);
}

async fn rows_cannot_be_changed_or_removed(world: &World) {
    let store = world.open().await;
    store.audit("smith", "sign_in", "smith", "", at(0)).await.unwrap();
    let mut statements = vec!["UPDATE audit SET actor = 'jones'", "DELETE FROM audit"];
    if world.is_postgres() {
        statements.push("TRUNCATE audit");
    }
    for statement in statements {
        let refused = world.run(statement).await.unwrap_err();
        assert!(
            refused.to_string().contains("append-only"),
            "{statement}: {refused}"
        );
    }
    assert_eq!(store.audit_rows(None, 10).await.unwrap()[0].actor, "smith");
}

async fn tampering_is_found_at_the_row(world: &World) {
    let triggers = if world.is_postgres() {
        "DROP TRIGGER audit_no_change ON audit"
    } else {
        "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete"
    };
    let store = world.open().await;
    for number in 0..9 {
        store
            .audit("smith", "view_case", "x", "", at(number))
            .await
            .unwrap();
    }
    world.run(triggers).await.unwrap();
    let hash = |number: usize| format!("(SELECT hash FROM audit WHERE number = {number})");
    // The later ones undo nothing: each breaks the trail further up.
    let rows = [
        ("DELETE FROM audit WHERE number = 9".to_owned(), 9),
        ("UPDATE audit SET at = at + 1 WHERE number = 8".to_owned(), 8),
        (
            "UPDATE audit SET actor = 'smit', action = 'hview_case' WHERE number = 7".to_owned(),
            7,
        ),
        (format!("UPDATE audit SET hash = {} WHERE number = 6", hash(5)), 6),
        ("DELETE FROM audit WHERE number = 4".to_owned(), 4),
        ("UPDATE audit SET subject = 'y' WHERE number = 1".to_owned(), 1),
    ];
    for (statement, broken_at) in rows {
        world.run(&statement).await.unwrap();
        let expected = AuditVerdict {
            rows: broken_at - 1,
            broken_at: Some(broken_at),
        };
        assert_eq!(store.verify_audit().await.unwrap(), expected, "{statement}");
    }
}
