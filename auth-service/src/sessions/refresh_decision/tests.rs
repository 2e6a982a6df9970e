use api::ids::{SessionId, UserId};
use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;
use crate::{accounts::domain::Role, audit::domain::Origin};

const WINDOW: TimeDelta = TimeDelta::seconds(5);
const SECRET: [u8; 32] = [1; 32];
const TAG: [u8; 32] = [2; 32];
const OTHER_TAG: [u8; 32] = [3; 32];

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

/// A session of generation 7, rotated at second 0 without a tag.
fn row() -> StoredSession {
    StoredSession {
        account_id: UserId::at(at(0)),
        account_state: AccountState::Active,
        role: Role::User,
        epoch: 1,
        generation: 7,
        secret_hash: SECRET.to_vec(),
        attempt_tag: None,
        declares_tag: false,
        rotate_time: at(0),
        idle_deadline: at(1_000),
        absolute_deadline: at(2_000),
        revoke_time: None,
        epoch_over: false,
    }
}

/// The same session, rotated with a tag.
fn tagged_row() -> StoredSession {
    StoredSession {
        attempt_tag: Some(TAG.to_vec()),
        declares_tag: true,
        ..row()
    }
}

/// The token of a generation, presented at a second.
fn presented(generation: i64, second: i64) -> Rotation {
    Rotation {
        session_id: SessionId::at(at(0)),
        generation,
        secret_hash: SECRET,
        attempt_tag: None,
        origin: Origin {
            ip: None,
            user_agent: String::new(),
        },
        now: at(second),
        idle_deadline: at(second + 1_000),
    }
}

fn with_tag(rotation: Rotation, tag: [u8; 32]) -> Rotation {
    Rotation {
        attempt_tag: Some(tag),
        ..rotation
    }
}

#[track_caller]
fn assert_decided(row: &StoredSession, rotation: &Rotation, decision: Decision) {
    assert_eq!(decide(Some(row), rotation, WINDOW), decision);
}

#[test]
fn an_unknown_session_and_a_wrong_secret_are_invalid() {
    assert_eq!(decide(None, &presented(7, 0), WINDOW), Decision::Invalid);
    for generation in [0, 6, 7, 8, i64::MAX] {
        let mut rotation = presented(generation, 0);
        rotation.secret_hash = [9; 32];
        assert_decided(&row(), &rotation, Decision::Invalid);
    }
}

#[test]
fn the_same_tag_gets_the_same_pair_however_late() {
    for second in [0, 5, 999] {
        let rotation = with_tag(presented(6, second), TAG);
        assert_decided(&tagged_row(), &rotation, Decision::Retry);
    }
}

#[test]
fn another_tag_or_none_is_reuse_at_once_when_the_client_has_sent_one() {
    let row = tagged_row();
    assert_decided(&row, &with_tag(presented(6, 0), OTHER_TAG), Decision::Reuse);
    assert_decided(&row, &presented(6, 0), Decision::Reuse);
}

#[test]
fn a_client_that_once_sent_a_tag_never_gets_the_window() {
    let later_without = StoredSession {
        attempt_tag: None,
        ..tagged_row()
    };
    assert_decided(&later_without, &presented(6, 0), Decision::Reuse);
    let with = with_tag(presented(6, 0), TAG);
    assert_decided(&later_without, &with, Decision::Reuse);
}

#[test]
fn the_window_is_for_the_previous_generation_and_ends_on_time() {
    assert_decided(&row(), &presented(6, 0), Decision::Concurrent);
    assert_decided(&row(), &presented(6, 4), Decision::Concurrent);
    assert_decided(&row(), &presented(6, 5), Decision::Reuse);
    assert_decided(&row(), &presented(5, 0), Decision::Reuse);
    let closed = decide(Some(&row()), &presented(6, 0), TimeDelta::zero());
    assert_eq!(closed, Decision::Reuse);
}

#[test]
fn the_window_is_for_a_newer_client_of_a_session_that_never_declared_a_tag() {
    assert_decided(
        &row(),
        &with_tag(presented(6, 4), TAG),
        Decision::Concurrent,
    );
    assert_decided(&row(), &with_tag(presented(6, 5), TAG), Decision::Reuse);
    assert_decided(
        &tagged_row(),
        &with_tag(presented(6, 4), OTHER_TAG),
        Decision::Reuse,
    );
}

#[test]
fn a_clock_that_is_behind_does_not_close_the_window() {
    assert_decided(&row(), &presented(6, -3), Decision::Concurrent);
}

#[test]
fn an_older_generation_is_stale_with_the_tag_of_the_last_refresh_and_reuse_without() {
    let without_tag = StoredSession {
        attempt_tag: None,
        ..tagged_row()
    };
    for generation in [0, 5] {
        let rotation = with_tag(presented(generation, 0), TAG);
        assert_decided(&tagged_row(), &rotation, Decision::Stale);
        assert_decided(&without_tag, &rotation, Decision::Reuse);
        assert_decided(&row(), &rotation, Decision::Reuse);
        let other = with_tag(presented(generation, 0), OTHER_TAG);
        assert_decided(&tagged_row(), &other, Decision::Reuse);
        assert_decided(&tagged_row(), &presented(generation, 0), Decision::Reuse);
    }
}

#[test]
fn a_token_newer_than_the_row_means_a_restored_database() {
    for generation in [8, 100, i64::MAX] {
        assert_decided(&row(), &presented(generation, 0), Decision::Restored);
    }
}

#[test]
fn the_end_of_a_session_is_decided_before_any_generation() {
    for generation in [0, 6, 7, 8] {
        let revoked = StoredSession {
            revoke_time: Some(at(0)),
            ..row()
        };
        assert_decided(&revoked, &presented(generation, 5_000), Decision::Revoked);
        let disabled = StoredSession {
            account_state: AccountState::Disabled,
            ..row()
        };
        assert_decided(&disabled, &presented(generation, 0), Decision::Revoked);
        assert_decided(&row(), &presented(generation, 1_000), Decision::Expired);
        let absolute = StoredSession {
            idle_deadline: at(9_000),
            ..row()
        };
        assert_decided(
            &absolute,
            &presented(generation, 1_999),
            decide_live(generation),
        );
        assert_decided(&absolute, &presented(generation, 2_000), Decision::Expired);
    }
}

/// The decision about a live session of generation 7 that was rotated long ago.
fn decide_live(generation: i64) -> Decision {
    match generation {
        0..7 => Decision::Reuse,
        7 => Decision::Current,
        _ => Decision::Restored,
    }
}

#[test]
fn a_refresh_whose_token_is_current_after_all_is_tried_again() {
    assert_decided(&row(), &presented(7, 0), Decision::Current);
    assert_decided(&tagged_row(), &presented(7, 0), Decision::Current);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Only the previous token gets a pair without a write, and only with the same tag or within the window.
    #[test]
    fn a_pair_is_repeated_only_for_the_party_that_has_it(
        generation in 0_i64..20,
        kept in prop::option::of(prop::sample::select(vec![TAG, OTHER_TAG])),
        sent in prop::option::of(prop::sample::select(vec![TAG, OTHER_TAG])),
        declared in any::<bool>(),
        second in -10_i64..1_500,
    ) {
        let row = StoredSession {
            attempt_tag: kept.map(|tag| tag.to_vec()),
            declares_tag: declared || kept.is_some(),
            ..row()
        };
        let rotation = Rotation { attempt_tag: sent, ..presented(generation, second) };
        let decision = decide(Some(&row), &rotation, WINDOW);
        let live = second < 1_000;
        let retry = kept.is_some() && kept == sent;
        let concurrent = !row.declares_tag && second < 5;
        prop_assert_eq!(
            matches!(decision, Decision::Retry | Decision::Concurrent),
            live && generation == 6 && (retry || concurrent)
        );
        prop_assert_eq!(
            decision == Decision::Reuse,
            live && !retry && (generation < 6 || (generation == 6 && !concurrent))
        );
        prop_assert_eq!(decision == Decision::Stale, live && retry && generation < 6);
        prop_assert_eq!(decision == Decision::Restored, live && generation > 7);
    }
}
