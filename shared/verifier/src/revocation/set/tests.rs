use api::ids::{SessionId, UserId};
use aws_lc_rs::digest;
use proptest::{collection::vec, prelude::*};

use super::*;

const SESSION: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const ACCOUNT: &str = "0190163d-8694-739b-aea5-966c26f8ad92";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn revocation(kind: RevocationKind, subject: &str, min_epoch: i64, expire: i64) -> Revocation {
    Revocation {
        sequence: 1,
        kind,
        subject: subject.to_owned(),
        min_epoch,
        expire_time: at(expire),
    }
}

fn set(revocations: &[Revocation]) -> RevocationSet {
    let mut set = RevocationSet::default();
    for revocation in revocations {
        set.insert(revocation);
    }
    set
}

fn claims(epoch: i64) -> Claims {
    Claims {
        iss: "tandem-auth".to_owned(),
        aud: "tandem".to_owned(),
        sub: UserId::parse(ACCOUNT).unwrap(),
        sid: SessionId::parse(SESSION).unwrap(),
        ep: epoch,
        scope: "account".to_owned(),
        client_id: "test".to_owned(),
        iat: 0,
        nbf: 0,
        exp: 300,
        jti: "1".to_owned(),
    }
}

#[test]
fn the_digest_of_an_entry_is_the_one_the_contract_describes() {
    let entry = revocation(RevocationKind::Account, ACCOUNT, 7, 1_767_225_600);
    let mut bytes = vec![2];
    bytes.extend_from_slice(ACCOUNT.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 7]);
    bytes.extend_from_slice(&[0, 0, 0, 0, 0x69, 0x55, 0xb9, 0x00]);
    let whole = digest::digest(&digest::SHA256, &bytes);
    assert_eq!(entry.digest(), whole.as_ref()[..16]);
    assert_eq!(
        set(std::slice::from_ref(&entry)).digest(at(0)),
        (1, entry.digest())
    );
    assert_eq!(RevocationSet::default().digest(at(0)), (0, [0; 16]));
}

#[test]
fn each_kind_revokes_what_it_names_and_nothing_else() {
    let other = "0190163d-8694-739b-aea5-966c26f8ad99";
    let session = set(&[revocation(RevocationKind::Session, SESSION, 0, 9)]);
    assert!(session.revokes(&claims(3), "k"));
    let account = set(&[revocation(RevocationKind::Account, ACCOUNT, 3, 9)]);
    assert!(account.revokes(&claims(2), "k"));
    assert!(!account.revokes(&claims(3), "k"));
    let key = set(&[revocation(RevocationKind::Key, "k", 0, 9)]);
    assert!(key.revokes(&claims(3), "k"));
    assert!(!key.revokes(&claims(3), "l"));
    let others = set(&[
        revocation(RevocationKind::Session, other, 0, 9),
        revocation(RevocationKind::Account, other, 9, 9),
        // A session's id among the accounts, and the other way round.
        revocation(RevocationKind::Account, SESSION, 9, 9),
        revocation(RevocationKind::Session, ACCOUNT, 0, 9),
    ]);
    assert!(!others.revokes(&claims(0), "k"));
}

#[test]
fn a_lower_epoch_that_arrives_later_changes_nothing() {
    let mut set = set(&[revocation(RevocationKind::Account, ACCOUNT, 5, 20)]);
    assert!(set.insert(&revocation(RevocationKind::Account, ACCOUNT, 3, 10)));
    assert!(set.revokes(&claims(4), "k"));
    assert_eq!(set.digest(at(0)).0, 2, "they are two entries");
    set.prune(at(10));
    assert_eq!(set.digest(at(0)).0, 1);
    assert!(set.revokes(&claims(4), "k"));
    set.prune(at(20));
    assert!(!set.revokes(&claims(0), "k"));
}

#[test]
fn a_copy_is_not_changed_with_the_original() {
    let mut set = RevocationSet::default();
    let before = set.clone();
    set.insert(&revocation(RevocationKind::Session, SESSION, 0, 9));
    assert!(set.revokes(&claims(0), "k"));
    assert!(!before.revokes(&claims(0), "k"));
}

/// Few subjects, epochs and times, so that entries coincide.
fn entries() -> impl Strategy<Value = Vec<Revocation>> {
    let kind = prop_oneof![
        Just(RevocationKind::Session),
        Just(RevocationKind::Account),
        Just(RevocationKind::Key),
    ];
    let entry = (kind, 0..600_u128, 0..3_i64, 1..40_i64, 0..1000_u32);
    let entry = entry.prop_map(|(kind, subject, min_epoch, seconds, millis)| Revocation {
        sequence: 1,
        kind,
        subject: Uuid::from_u128(subject).to_string(),
        min_epoch,
        expire_time: DateTime::from_timestamp(seconds, millis * 1_000_000).unwrap(),
    });
    vec(entry, 0..60)
}

/// The same entries in another order, some of them again.
fn rearranged() -> impl Strategy<Value = (Vec<Revocation>, Vec<Revocation>)> {
    entries().prop_flat_map(|entries| {
        let again = proptest::sample::subsequence(entries.clone(), 0..=entries.len());
        let all = again.prop_map({
            let entries = entries.clone();
            move |again| [entries.clone(), again].concat()
        });
        (Just(entries), all.prop_shuffle())
    })
}

proptest! {
    #[test]
    fn neither_order_nor_repetition_matters((entries, shuffled) in rearranged(), now in 0..45_i64, other in 0..45_i64) {
        let (mut one, mut two) = (set(&entries), set(&shuffled));
        prop_assert_eq!(one.digest(at(now)), two.digest(at(now)));
        // Pruning does not change what is in force, whenever it is done.
        let after = one.digest(at(now));
        one.prune(at(now));
        two.prune(at(now.min(other)));
        prop_assert_eq!(one.digest(at(now)), after);
        prop_assert_eq!(two.digest(at(now)), after);
    }

    #[test]
    fn the_digest_is_that_of_the_distinct_entries_in_force(entries in entries(), now in 0..45_i64) {
        let mut distinct = HashMap::new();
        for entry in &entries {
            let latest = distinct.entry(entry.digest()).or_insert(entry.expire_time);
            *latest = (*latest).max(entry.expire_time);
        }
        distinct.retain(|_, expire_time| *expire_time > at(now));
        let sum = distinct.keys().fold([0; 16], |sum: Digest, digest| {
            std::array::from_fn(|at| sum[at] ^ digest[at])
        });
        prop_assert_eq!(set(&entries).digest(at(now)), (distinct.len(), sum));
    }

    #[test]
    fn a_missing_or_an_extra_entry_changes_the_digest(mut entries in entries(), extra in 600..700_u128) {
        let before = set(&entries).digest(at(0));
        entries.push(revocation(RevocationKind::Session, &Uuid::from_u128(extra).to_string(), 0, 9));
        prop_assert_ne!(set(&entries).digest(at(0)), before);
    }

    #[test]
    fn entries_in_force_survive_pruning_and_encoding(entries in entries(), now in 0..45_i64) {
        let mut pruned = RevocationSet::default();
        for entry in &entries {
            let message = contract::proto::auth::Revocation::from(entry.clone());
            let read = Revocation::try_from(message).unwrap();
            prop_assert_eq!(&read, entry);
            pruned.insert(&read);
        }
        pruned.prune(at(now));
        for entry in entries.iter().filter(|entry| entry.expire_time > at(now)) {
            let mut claims = claims(entry.min_epoch - 1);
            let subject = Uuid::try_parse(&entry.subject).unwrap();
            match entry.kind {
                RevocationKind::Session => claims.sid = subject.into(),
                RevocationKind::Account => claims.sub = subject.into(),
                RevocationKind::Key => {}
            }
            prop_assert!(pruned.revokes(&claims, &entry.subject));
        }
    }
}
