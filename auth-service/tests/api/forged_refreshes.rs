//! A hundred thousand forged refresh tokens cause no query and delay no honest client.

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
use contract::proto::auth::{RefreshTokensRequest, auth_service_client::AuthServiceClient};
use testing::{Database, TestClock, assert_refused};
use tonic::{Code, transport::Channel};

use crate::{
    settings::key,
    statements::{Executed, Statements},
    throttle::{BEHIND_PROXY, from},
    world::{POLL, World},
};

const FORGERIES: u32 = 100_000;
/// Connections of the forger, and concurrent calls on each.
const CONNECTIONS: u32 = 4;
const AT_ONCE: u32 = 16;
const HONEST: usize = 4;
/// Refreshes of each honest client without forged tokens.
const REFRESHES_ALONE: usize = 250;
/// Reads of new revocations after which the test knows the statements that the service executes by itself.
const FEED_READS: u64 = 20;

/// A forger with somebody's genuine token and its own keys.
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

    /// A forged token; each number gives a different one.
    fn forge(&self, number: u32) -> String {
        let noise = digest(&SHA256, &number.to_be_bytes());
        let noise = [noise.as_ref(), noise.as_ref()].concat();
        let mut genuine = URL_SAFE_NO_PAD.decode(&self.genuine).unwrap();
        let at = usize::try_from(number / 8).unwrap();
        match number % 8 {
            // Random bytes, with and without the beginning of a genuine token.
            0 => URL_SAFE_NO_PAD.encode(&noise[..genuine.len()]),
            1 => {
                let whole = genuine.len();
                genuine.truncate(2);
                genuine.extend(&noise[..whole - 2]);
                URL_SAFE_NO_PAD.encode(genuine)
            }
            // A genuine token that is truncated, or has one bit changed, another key id, or the next generation.
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
            // The right form and the right session, but sealed with another key.
            6 => self.same_id.encode(&claimed(&genuine, &noise)),
            _ => self.other_id.encode(&claimed(&genuine, &noise)),
        }
    }
}

/// The token that a forger wants to have.
fn claimed(genuine: &[u8], noise: &[u8]) -> RefreshToken {
    let session_id = uuid::Uuid::from_slice(&genuine[2..18]).unwrap();
    RefreshToken {
        session_id: session_id.into(),
        generation: u64::from(noise[0]),
        secret: SessionSecret::from(*noise.first_chunk().unwrap()),
    }
}

/// Presents forged tokens, each from another address, until all have been presented.
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

/// Runs the whole attack; how long it took.
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

/// Refreshes one session while `goes_on` is true. Every refresh succeeds; how long each took.
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

fn print_times(when: &str, times: &mut [Duration]) {
    times.sort();
    let at = |hundredths: usize| times[(times.len() - 1) * hundredths / 100];
    let (count, middle, late) = (times.len(), at(50), at(99));
    eprintln!("{count} honest refreshes {when}: p50 {middle:?}, p99 {late:?}");
}

/// The statements that the service executes by itself, after it has read the revocations several times.
async fn by_itself(statements: &Statements) -> BTreeSet<String> {
    while statements.executed().values().max() < Some(&FEED_READS) {
        tokio::time::sleep(POLL).await;
    }
    statements.executed().into_keys().collect()
}

/// The statements that were executed for calls.
fn for_calls(executed: Executed, by_itself: &BTreeSet<String>) -> Vec<(String, u64)> {
    let executed = executed.into_iter();
    executed
        .filter(|(text, _)| !by_itself.contains(text))
        .collect()
}

// Longer than 40 lines: one scenario, each step of which depends on the one before.
#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::too_many_lines,
    reason = "the load and what it must not disturb are one story"
)]
async fn a_hundred_thousand_forged_tokens_cause_no_query_and_delay_no_honest_client() {
    let database = Database::with(&[SCHEMA]).await;
    let statements = Statements::in_front_of(database.url()).await;
    let settings = [
        BEHIND_PROXY,
        ("auth.database.url", statements.url()),
        // The forger has so many addresses that this limit does not stop it.
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

    // Without forged tokens, a refresh is one statement.
    let before = statements.executed();
    let mut alone = all_refresh(&world, &mut tokens, |done| done < REFRESHES_ALONE).await;
    let executed = for_calls(statements.since(&before), &by_itself);
    let [(rotation, rotations)] = executed.try_into().unwrap();
    assert_eq!(rotations, u64::try_from(alone.len()).unwrap());

    // The same is true among forged tokens, and nothing else is executed.
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
    print_times("without forged tokens", &mut alone);
    print_times("among forged tokens", &mut among);
    eprintln!("{FORGERIES} forged tokens in {took:?}");

    // A genuine token causes a query even if it is not valid, so the count would show a query.
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
