//! A hundred thousand forged refresh tokens: they cost no query, and hinder nobody.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use auth_service::{
    SCHEMA,
    key_ring::KeyRing,
    sessions::refresh_token::{RefreshToken, SessionSecret},
};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::proto::auth::{RefreshTokensRequest, auth_service_client::AuthServiceClient};
use testing::{Database, TestClock, assert_refused};
use tonic::{Code, transport::Channel};

use crate::{
    settings::key,
    statements::{Executed, Statements},
    throttle::{BEHIND_PROXY, from},
    world::{POLL, World},
};

const FORGERIES: u32 = 100_000;
/// Connections of the forger, and calls under way on each.
const CONNECTIONS: u32 = 4;
const AT_ONCE: u32 = 16;
const HONEST: usize = 4;
/// Refreshes of each honest client while nobody forges.
const UNDISTURBED: usize = 250;
/// Looks for new revocations that show what the service executes by itself.
const LOOKS: u64 = 20;

/// What a forger has: a genuine token of somebody, and keys of its own.
struct Forger {
    genuine: String,
    same_id: KeyRing,
    other_id: KeyRing,
}

impl Forger {
    fn of(genuine: &str) -> Self {
        let ring = |id| KeyRing::new(vec![(id, key(13))]).unwrap();
        Self {
            genuine: genuine.to_owned(),
            same_id: ring(1),
            other_id: ring(9),
        }
    }

    /// A forged token; each number gives another one.
    fn forge(&self, number: u32) -> String {
        let noise = digest(&SHA256, &number.to_be_bytes());
        let noise = [noise.as_ref(), noise.as_ref()].concat();
        let mut genuine = URL_SAFE_NO_PAD.decode(&self.genuine).unwrap();
        let at = usize::try_from(number / 8).unwrap();
        match number % 8 {
            // Random, with and without what a genuine one begins with.
            0 => URL_SAFE_NO_PAD.encode(&noise[..genuine.len()]),
            1 => {
                let whole = genuine.len();
                genuine.truncate(2);
                genuine.extend(&noise[..whole - 2]);
                URL_SAFE_NO_PAD.encode(genuine)
            }
            // A genuine one cut short, or with one bit changed, or with another key's id, or with the next generation.
            2 => self.genuine[..=at % (self.genuine.len() - 1)].to_owned(),
            3 => {
                let whole = genuine.len();
                genuine[at / 8 % whole] ^= 1 << (at % 8);
                URL_SAFE_NO_PAD.encode(genuine)
            }
            4 => {
                genuine[1] = genuine[1].wrapping_add(noise[0].max(1));
                URL_SAFE_NO_PAD.encode(genuine)
            }
            5 => {
                genuine[18] += 1 + noise[0] % 100;
                URL_SAFE_NO_PAD.encode(genuine)
            }
            // Of the right shape and the right session, sealed with another key.
            6 => self.same_id.encode(&claimed(&genuine, &noise)),
            _ => self.other_id.encode(&claimed(&genuine, &noise)),
        }
    }
}

/// What a forger would like a token to say.
fn claimed(genuine: &[u8], noise: &[u8]) -> RefreshToken {
    let session_id = uuid::Uuid::from_slice(&genuine[2..18]).unwrap();
    RefreshToken {
        session_id: session_id.into(),
        generation: u64::from(noise[0]),
        secret: SessionSecret::from(*noise.first_chunk().unwrap()),
    }
}

/// Presents forged tokens, each from another address, until there have been enough.
async fn present(mut auth: AuthServiceClient<Channel>, forger: Arc<Forger>, next: Arc<AtomicU32>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= FORGERIES {
            return;
        }
        let request = RefreshTokensRequest {
            refresh_token: forger.forge(number),
            attempt_tag: vec![1; 16],
        };
        let [_, a, b, c] = number.to_be_bytes();
        let request = from(&format!("10.{a}.{b}.{c}"), request);
        let refused = auth.refresh_tokens(request).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
    }
}

/// The whole attack; how long it took.
async fn attack(world: &World, forger: Forger) -> Duration {
    let (begin, forger) = (Instant::now(), Arc::new(forger));
    let next = Arc::new(AtomicU32::new(0));
    let mut forgers = Vec::new();
    for _ in 0..CONNECTIONS {
        let channel = Channel::from_shared(world.uri.clone()).unwrap();
        let auth = AuthServiceClient::new(channel.connect().await.unwrap());
        forgers.extend((0..AT_ONCE).map(|_| {
            tokio::spawn(present(
                auth.clone(),
                Arc::clone(&forger),
                Arc::clone(&next),
            ))
        }));
    }
    for one in forgers {
        one.await.unwrap();
    }
    begin.elapsed()
}

/// Refreshes one session while `goes_on` says so, every one of which succeeds; how long each took.
async fn refresh(
    world: &World,
    token: &mut String,
    goes_on: impl Fn(usize) -> bool,
) -> Vec<Duration> {
    let mut times = Vec::new();
    while goes_on(times.len()) {
        let begin = Instant::now();
        let pair = world.refresh(token, &[5; 32]).await.unwrap();
        times.push(begin.elapsed());
        *token = pair.refresh_token;
    }
    times
}

/// Every honest client refreshes, one call after the other.
async fn all_refresh(
    world: &World,
    tokens: &mut [String],
    goes_on: impl Fn(usize) -> bool + Copy,
) -> Vec<Duration> {
    let clients = tokens
        .iter_mut()
        .map(|token| refresh(world, token, goes_on));
    futures_util::future::join_all(clients).await.concat()
}

fn tell(when: &str, times: &mut [Duration]) {
    times.sort();
    let at = |hundredths: usize| times[(times.len() - 1) * hundredths / 100];
    let (count, middle, late) = (times.len(), at(50), at(99));
    eprintln!("{count} honest refreshes {when}: p50 {middle:?}, p99 {late:?}");
}

/// What the service executes by itself, once it has looked for revocations a few times.
async fn by_itself(statements: &Statements) -> BTreeSet<String> {
    while statements.executed().values().max() < Some(&LOOKS) {
        tokio::time::sleep(POLL).await;
    }
    statements.executed().into_keys().collect()
}

/// What of this was executed for a call.
fn for_calls(executed: Executed, by_itself: &BTreeSet<String>) -> Vec<(String, u64)> {
    let executed = executed.into_iter();
    executed
        .filter(|(text, _)| !by_itself.contains(text))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_forged_tokens_cost_no_query_and_hinder_no_honest_client() {
    let database = Database::with(&[SCHEMA]).await;
    let statements = Statements::before(database.url()).await;
    let settings = [
        BEHIND_PROXY,
        ("auth.database.url", statements.url()),
        // The forger has more addresses than it needs for this limit to be of no use.
        ("auth.throttle.address_burst", "8"),
    ];
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let world = World::on(Arc::new(database), clock, &settings).await;
    let by_itself = by_itself(&statements).await;
    let mut tokens = Vec::new();
    for _ in 0..HONEST {
        tokens.push(world.person().await.tokens.refresh_token);
    }
    let victim = world.person().await.tokens.refresh_token;

    // Undisturbed, a refresh is one statement.
    let before = statements.executed();
    let mut alone = all_refresh(&world, &mut tokens, |done| done < UNDISTURBED).await;
    let executed = for_calls(statements.since(&before), &by_itself);
    let [(rotation, rotations)] = executed.try_into().unwrap();
    assert_eq!(rotations, u64::try_from(alone.len()).unwrap());

    // So are the honest ones among forged ones, and nothing else is executed.
    let before = statements.executed();
    let over = AtomicU64::new(0);
    let attack = async {
        let took = attack(&world, Forger::of(&victim)).await;
        over.store(1, Ordering::Relaxed);
        took
    };
    let honest = all_refresh(&world, &mut tokens, |_| over.load(Ordering::Relaxed) == 0);
    let (took, mut among) = tokio::join!(attack, honest);
    let executed = for_calls(statements.since(&before), &by_itself);
    assert_eq!(
        executed,
        [(rotation.clone(), u64::try_from(among.len()).unwrap())]
    );
    tell("undisturbed", &mut alone);
    tell("among forged ones", &mut among);
    eprintln!("{FORGERIES} forged tokens in {took:?}");

    // A token that is no forgery is asked for, even if it is good for nothing: the count would have seen it.
    let before = statements.executed();
    let ring = KeyRing::new(vec![(1, key(11))]).unwrap();
    let of_nobody = ring.encode(&RefreshToken::first(uuid::Uuid::from_u128(7).into()));
    let refused = world.refresh(&of_nobody, &[]).await.unwrap_err();
    assert_refused(&refused, Code::Unauthenticated, "REFRESH_TOKEN_INVALID");
    let executed = for_calls(statements.since(&before), &by_itself);
    assert_eq!(executed.len(), 2, "{executed:?}");
    assert!(executed.contains(&(rotation, 1)), "{executed:?}");
    world.refresh(&victim, &[]).await.unwrap();
}
