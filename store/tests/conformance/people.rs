//! Users, sessions, tokens and sources.

use domain::user::{Role, User};
use domain::{CameraId, SourceName};
use store::StoreError;
use store::sources::Source;
use store::users::MAX_SESSIONS;

use crate::world::{World, at, user};

claims!(
    a_user_is_added_once,
    a_disabled_users_sessions_and_tokens_are_void_and_stay_so,
    a_session_ends_at_its_time_or_when_it_is_ended,
    forgotten_sessions_do_not_pile_up,
    a_new_token_replaces_the_one_of_its_label,
    a_source_is_replaced_by_name;
    persistent
);

async fn store_with(world: &World, names: &[&str]) -> store::Store {
    let store = world.open().await;
    for name in names {
        store
            .add_user(&user(name), Role::Operator, "$argon2id$x", "command-line", at(0))
            .await
            .unwrap();
    }
    store
}

fn smith(disabled: bool) -> User {
    User {
        name: user("smith"),
        role: Role::Operator,
        disabled,
    }
}

async fn a_user_is_added_once(world: &World) {
    let store = store_with(world, &["smith", "jones"]).await;
    let again = store
        .add_user(&user("smith"), Role::Admin, "other", "x", at(1))
        .await;
    assert!(matches!(again, Err(StoreError::Exists(_))));
    let found = store.user(&user("smith")).await.unwrap().unwrap();
    assert_eq!(found, (smith(false), "$argon2id$x".to_owned()));
    assert_eq!(store.user(&user("nobody")).await.unwrap(), None);
    let names: Vec<String> = store
        .users()
        .await
        .unwrap()
        .iter()
        .map(|u| u.name.to_string())
        .collect();
    assert_eq!(names, ["jones", "smith"]);
    let audit = store.audit_rows(None, 10).await.unwrap();
    assert_eq!(audit.len(), 2);
    assert_eq!(
        (audit[1].action.as_str(), audit[1].subject.as_str()),
        ("user_added", "smith")
    );
}

async fn a_disabled_users_sessions_and_tokens_are_void_and_stay_so(world: &World) {
    let store = store_with(world, &["smith"]).await;
    let name = user("smith");
    store.open_session([1; 32], &name, "csrf", at(100)).await.unwrap();
    store.set_token([2; 32], &name, "script", at(0)).await.unwrap();
    assert_eq!(
        store.session([1; 32], at(1)).await.unwrap().unwrap().user,
        smith(false)
    );
    assert_eq!(store.token_user([2; 32]).await.unwrap(), Some(smith(false)));

    store.set_disabled(&name, true, "admin", at(2)).await.unwrap();
    assert_eq!(store.user(&name).await.unwrap().unwrap().0, smith(true));
    let void = async || {
        assert_eq!(store.session([1; 32], at(3)).await.unwrap(), None);
        assert_eq!(store.token_user([2; 32]).await.unwrap(), None);
    };
    void().await;
    let opened = store.open_session([3; 32], &name, "csrf", at(100)).await;
    assert!(matches!(opened, Err(StoreError::NotFound("user"))));

    store.set_disabled(&name, false, "admin", at(4)).await.unwrap();
    void().await;
    store.open_session([3; 32], &name, "csrf", at(100)).await.unwrap();
    let missing = store.set_disabled(&user("nobody"), true, "admin", at(5)).await;
    assert!(matches!(missing, Err(StoreError::NotFound("user"))));
}

async fn a_session_ends_at_its_time_or_when_it_is_ended(world: &World) {
    let store = store_with(world, &["smith"]).await;
    for secret in [[1; 32], [2; 32]] {
        store
            .open_session(secret, &user("smith"), "csrf", at(100))
            .await
            .unwrap();
    }
    let session = store.session([1; 32], at(99)).await.unwrap().unwrap();
    assert_eq!((session.csrf.as_str(), session.expires_at), ("csrf", at(100)));
    assert_eq!(store.session([1; 32], at(100)).await.unwrap(), None);
    store.end_session([1; 32]).await.unwrap();
    assert_eq!(store.session([1; 32], at(1)).await.unwrap(), None);
    assert!(store.session([2; 32], at(1)).await.unwrap().is_some());
}

async fn forgotten_sessions_do_not_pile_up(world: &World) {
    let store = store_with(world, &["smith", "jones"]).await;
    store
        .open_session([255; 32], &user("jones"), "csrf", at(1))
        .await
        .unwrap();
    for number in 0..=u8::try_from(MAX_SESSIONS).unwrap() {
        let ends = at(100 + i64::from(number));
        store
            .open_session([number; 32], &user("smith"), "csrf", ends)
            .await
            .unwrap();
    }
    assert_eq!(store.session([0; 32], at(0)).await.unwrap(), None);
    for kept in [1, u8::try_from(MAX_SESSIONS).unwrap(), 255] {
        assert!(
            store.session([kept; 32], at(0)).await.unwrap().is_some(),
            "{kept}"
        );
    }
}

async fn a_new_token_replaces_the_one_of_its_label(world: &World) {
    let store = store_with(world, &["smith"]).await;
    for (secret, label) in [([1; 32], "a"), ([2; 32], "b"), ([3; 32], "a")] {
        store
            .set_token(secret, &user("smith"), label, at(0))
            .await
            .unwrap();
    }
    let known = async |secret| store.token_user(secret).await.unwrap().is_some();
    assert_eq!(
        [known([1; 32]).await, known([2; 32]).await, known([3; 32]).await],
        [false, true, true]
    );
    let missing = store.set_token([4; 32], &user("nobody"), "a", at(0)).await;
    assert!(matches!(missing, Err(StoreError::NotFound("user"))));
}

async fn a_source_is_replaced_by_name(world: &World) {
    let store = world.open().await;
    let mut source = Source {
        name: SourceName::parse("ring").unwrap(),
        token: [7; 32],
        cameras: [("Cam 1".to_owned(), CameraId::parse("M57-J2-N").unwrap())].into(),
        disabled: false,
    };
    store.put_source(&source, "admin", at(0)).await.unwrap();
    source.token = [8; 32];
    source.disabled = true;
    store.put_source(&source, "admin", at(1)).await.unwrap();
    assert_eq!(store.sources().await.unwrap(), [source]);
    assert_eq!(store.audit_rows(None, 10).await.unwrap().len(), 2);
}
