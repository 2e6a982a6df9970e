//! Credential stuffing against the program, run as an operator runs it: many accounts, one password, many addresses.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in what tests share"
)]

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use contract::proto::auth::{SignInRequest, SignUpRequest, auth_service_client::AuthServiceClient};
use testing::{Database, Process, assert_refused};
use tonic::{Code, Request, metadata::AsciiMetadataValue, transport::Channel};

const PROGRAM: &str = env!("CARGO_BIN_EXE_auth-service");
const TIMEOUT: Duration = Duration::from_mins(5);
/// Base64 of bytes that have no pattern.
const KEY: &str = "1q9vXnF3mB0kqz6R2oYtq5c8w1uJxgS7hDdEoPZ4L2Y=";
const PASSWORD: &str = "correct horse battery staple";

/// Memory of one hash in KiB, and threads that hash: the program's defaults.
const HASH_KIB: u64 = 19_456;
const THREADS: u64 = 2;
/// Most memory of the program in addition to its hashing threads, under any attack.
const REST_KIB: u64 = 96 * 1024;
/// Most memory that an attack may add to that.
const GROWTH_KIB: u64 = 32 * 1024;

/// Passwords that an address may try at once; no more are allowed while the test runs.
const BURST: usize = 5;
/// Attempts of an address, most of which are refused.
const ATTEMPTS_PER_ADDRESS: usize = 50;
/// Concurrent calls: more than fit into the hashing queue.
const CONCURRENT_CALLS: usize = 100;

/// How many accounts are attacked. Set `TEST_STUFFING=10000` for a longer attack.
fn accounts() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests have no configuration but their environment"
    )]
    let count = std::env::var("TEST_STUFFING").ok();
    count.map_or(1_500, |count| count.parse().unwrap())
}

/// The program, running, migrated and ready, and a connection to it.
async fn serve(database: &Database) -> (Process, Channel) {
    auth_service::SCHEMA.migrate(database.url()).await.unwrap();
    let variables = [
        ("DATABASE_URL", database.url().to_owned()),
        ("TANDEM_AUTH__LISTEN", "127.0.0.1:0".to_owned()),
        ("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", format!("1:{KEY}")),
        ("TANDEM_AUTH__REFRESH_KEYS", format!("1:{KEY}")),
        ("TANDEM_AUTH__SERVICE_SECRETS", KEY.to_owned()),
        (
            "TANDEM_AUTH__SERVER__TRUSTED_PROXIES",
            "127.0.0.1".to_owned(),
        ),
        ("TANDEM_AUTH__THROTTLE__ADDRESS_BURST", BURST.to_string()),
        ("TANDEM_AUTH__THROTTLE__ADDRESS_INTERVAL", "1h".to_owned()),
        ("TANDEM_LOG__FORMAT", "json".to_owned()),
        ("TANDEM_LOG__LEVEL", "info,access=off".to_owned()),
    ];
    let process = Process::spawn(PROGRAM, ["serve"], variables);
    process
        .wait_for_line(TIMEOUT, |line| line.contains("\"ready\""))
        .await;
    let line = process
        .wait_for_line(TIMEOUT, |line| line.contains("\"listening\""))
        .await;
    let address = line.split("\"address\":\"").nth(1).unwrap();
    let address = address.split('"').next().unwrap();
    let channel = Channel::from_shared(format!("http://{address}")).unwrap();
    (process, channel.connect().await.unwrap())
}

fn from<T>(address: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let address: AsciiMetadataValue = address.parse().unwrap();
    request.metadata_mut().insert("x-forwarded-for", address);
    request
}

/// A number of `/proc/<pid>/status` in KiB: `VmRSS`, or `VmHWM`, its highest value so far.
fn memory(process: &Process, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The results of the attempts.
#[derive(Debug, Default)]
struct Outcome {
    /// Passwords that were verified.
    checked: AtomicUsize,
    /// Attempts that were refused at once.
    limited: AtomicUsize,
}

/// Tries one password for many accounts, a number of them from each address, until all have been tried.
async fn stuff(channel: Channel, accounts: usize) -> Outcome {
    let (outcome, next) = (Arc::new(Outcome::default()), Arc::new(AtomicUsize::new(0)));
    let attackers: Vec<_> = (0..CONCURRENT_CALLS)
        .map(|_| {
            let mut auth = AuthServiceClient::new(channel.clone());
            let (outcome, next) = (Arc::clone(&outcome), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= accounts {
                        return;
                    }
                    let count = attempt(&mut auth, number, &outcome).await;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for attacker in attackers {
        attacker.await.unwrap();
    }
    Arc::into_inner(outcome).unwrap()
}

async fn attempt<'a>(
    auth: &mut AuthServiceClient<Channel>,
    number: usize,
    outcome: &'a Outcome,
) -> &'a AtomicUsize {
    let network = number / ATTEMPTS_PER_ADDRESS;
    let address = format!("198.18.{}.{}", network / 256, network % 256);
    let request = SignInRequest {
        email: format!("account{number}@example.org"),
        password: "Winter2026!".to_owned(),
        device_label: String::new(),
        attempt_tag: Vec::new(),
    };
    let refused = auth.sign_in(from(&address, request)).await.unwrap_err();
    if refused.code() == Code::ResourceExhausted {
        assert_refused(&refused, Code::ResourceExhausted, "RATE_LIMITED");
        &outcome.limited
    } else {
        assert_refused(&refused, Code::Unauthenticated, "CREDENTIALS_INVALID");
        &outcome.checked
    }
}

/// Signs in from a known device until the attack is over; how long each sign-in took.
async fn victim(channel: Channel, token: String, over: Arc<AtomicUsize>) -> Vec<Duration> {
    let mut auth = AuthServiceClient::new(channel);
    let mut times = Vec::new();
    while over.load(Ordering::Relaxed) == 0 {
        let request = SignInRequest {
            email: "victim@example.org".to_owned(),
            password: PASSWORD.to_owned(),
            device_label: String::new(),
            attempt_tag: Vec::new(),
        };
        // The attack begins from the same address.
        let mut request = from("198.18.0.0", request);
        let shown: AsciiMetadataValue = token.parse().unwrap();
        request.metadata_mut().insert("tandem-device-token", shown);
        let begin = Instant::now();
        let answer = auth.sign_in(request).await;
        times.push(begin.elapsed());
        answer.expect("a known device is let in");
    }
    times
}

// Longer than 40 lines: one scenario, each step of which depends on the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stuffing_is_throttled_within_bounded_memory_and_the_victim_signs_in_from_a_known_device() {
    let database = Database::empty().await;
    let (process, channel) = serve(&database).await;
    let sign_up = SignUpRequest {
        email: "victim@example.org".to_owned(),
        password: PASSWORD.to_owned(),
        ..SignUpRequest::default()
    };
    let made = AuthServiceClient::new(channel.clone())
        .sign_up(from("192.0.2.1", sign_up))
        .await
        .unwrap();
    let token = made.into_inner().tokens.unwrap().refresh_token;
    let before = memory(&process, "VmRSS");

    let over = Arc::new(AtomicUsize::new(0));
    let signing_in = tokio::spawn(victim(channel.clone(), token, Arc::clone(&over)));
    let (accounts, begin) = (accounts(), Instant::now());
    let Outcome { checked, limited } = stuff(channel, accounts).await;
    let lasted = begin.elapsed();
    over.store(1, Ordering::Relaxed);
    let mut times = signing_in.await.unwrap();
    times.sort();

    let (checked, limited) = (checked.into_inner(), limited.into_inner());
    let peak = memory(&process, "VmHWM");
    eprintln!(
        "{accounts} accounts in {lasted:?}: {checked} checked, {limited} refused; memory {before} KiB before, {peak} KiB \
         at most; {} sign-ins of the victim, median {:?}, slowest {:?}",
        times.len(),
        times[times.len() / 2],
        times[times.len() - 1],
    );
    assert_eq!(checked + limited, accounts);
    let addresses = accounts.div_ceil(ATTEMPTS_PER_ADDRESS);
    assert!(
        checked <= addresses * BURST,
        "{checked} of {addresses} addresses"
    );
    assert!(peak <= THREADS * HASH_KIB + REST_KIB, "{peak} KiB");
    assert!(peak <= before + GROWTH_KIB, "{before} KiB, then {peak} KiB");
    assert!(!times.is_empty());
}
