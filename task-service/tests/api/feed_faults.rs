//! A session that ends at one auth replica is refused by every task replica. When the feed of a replica fails, that replica
//! accepts a revoked token only within the configured staleness.

use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use contract::proto::auth::TokenPair;
use settings::Setting as _;
use telemetry::logs::{self, Log, LogFormat, LogLevel};
use verifier::Purpose;

use crate::{
    prober::Prober,
    replicas::{READ_STALENESS, Replicas, WRITE_STALENESS},
};

/// How long a fault lasts beyond the longest staleness.
const FAULT_MARGIN: Duration = Duration::from_millis(500);

#[tokio::test]
async fn a_session_ended_at_either_auth_replica_is_refused_by_every_task_replica() {
    let world = Replicas::new().await;
    let signed_in = world.sign_up("signed_in@example.org").await;
    for replica in 0..2 {
        let signed_out = world
            .sign_up(&format!("signed-out-{replica}@example.org"))
            .await;
        for tasks in &world.tasks {
            tasks.assert_accepts(&signed_out).await;
        }
        let answered = world.auth[replica].sign_out(&signed_out).await;
        for tasks in &world.tasks {
            tasks.assert_revoked(&signed_out).await;
            eprintln!("refused {:?} after the sign-out", answered.elapsed());
            tasks.assert_accepts(&signed_in).await;
        }
    }
}

/// A fault of the feed of the first task replica.
struct Fault {
    signed_out: TokenPair,
    signed_in: TokenPair,
    probers: [Prober; 2],
    /// When the sign-out was answered.
    revoked_at: Instant,
}

impl Fault {
    /// Two users call without pause. The feed fails, and then one of them signs out at the other auth replica.
    async fn start(world: &mut Replicas, fail: impl AsyncFnOnce(&mut Replicas)) -> Self {
        let [signed_out, signed_in] = [
            world.sign_up("signed_out@example.org").await,
            world.sign_up("signed_in@example.org").await,
        ];
        for tokens in [&signed_out, &signed_in] {
            world.tasks[0].assert_accepts(tokens).await;
        }
        let probe =
            |tokens: &TokenPair| Prober::start(&world.tasks[0].client, &tokens.access_token);
        let probers = [probe(&signed_out), probe(&signed_in)];
        fail(world).await;
        let revoked_at = world.auth[1].sign_out(&signed_out).await;
        Self {
            signed_out,
            signed_in,
            probers,
            revoked_at,
        }
    }

    /// During the fault the first replica refuses both users, and the other replica only the one who signed out. After the
    /// repair so does the first.
    async fn end(self, world: &mut Replicas, repair: impl AsyncFnOnce(&mut Replicas)) {
        let Self {
            signed_out,
            signed_in,
            probers: [signed_out_prober, signed_in_prober],
            revoked_at,
        } = self;
        world.tasks[1].assert_revoked(&signed_out).await;
        world.tasks[1].assert_accepts(&signed_in).await;
        while revoked_at.elapsed() < READ_STALENESS + FAULT_MARGIN {
            world.tasks[0].assert_stale(&signed_in).await;
        }
        repair(world).await;
        world.tasks[0].until_ready().await;
        world.tasks[0].assert_revoked(&signed_out).await;
        world.tasks[0].assert_accepts(&signed_in).await;

        let attempts = signed_out_prober.stop().await;
        attempts.assert_refused_after(Purpose::Read, revoked_at, READ_STALENESS);
        attempts.assert_refused_after(Purpose::Write, revoked_at, WRITE_STALENESS);
        attempts.assert_last("TOKEN_REVOKED");
        assert_eq!(
            attempts.reasons(),
            ["REVOCATION_FEED_STALE", "TOKEN_REVOKED"]
        );
        let attempts = signed_in_prober.stop().await;
        assert_eq!(attempts.reasons(), ["REVOCATION_FEED_STALE"]);
    }
}

#[tokio::test]
async fn while_the_feed_is_stalled_no_revoked_token_is_accepted_after_the_staleness() {
    let mut world = Replicas::new().await;
    let fail = async |world: &mut Replicas| {
        world.tasks[0].network.stall();
    };
    let fault = Fault::start(&mut world, fail).await;
    let repair = async |world: &mut Replicas| {
        world.tasks[0].network.forward();
    };
    fault.end(&mut world, repair).await;
}

#[tokio::test]
async fn while_the_feed_cannot_connect_no_revoked_token_is_accepted_after_the_staleness() {
    let mut world = Replicas::new().await;
    let fail = async |world: &mut Replicas| {
        world.tasks[0].network.disconnect();
    };
    let fault = Fault::start(&mut world, fail).await;
    let repair = async |world: &mut Replicas| {
        world.tasks[0].network.forward();
    };
    fault.end(&mut world, repair).await;
}

#[tokio::test]
async fn while_the_auth_service_restarts_no_revoked_token_is_accepted_after_the_staleness() {
    let mut world = Replicas::new().await;
    let fail = async |world: &mut Replicas| {
        world.auth[0].stop();
    };
    let fault = Fault::start(&mut world, fail).await;
    fault.end(&mut world, Replicas::restart).await;
}

#[tokio::test]
async fn a_subscriber_too_slow_for_the_feed_accepts_no_revoked_token_after_the_staleness() {
    let log = CapturedLog::default();
    let _captured = log.capture();
    let mut world = Replicas::new().await;
    world.use_small_window().await;
    let mut others = Vec::new();
    for number in 0..60 {
        let email = format!("user{number}@example.org");
        others.push(world.sign_up(&email).await);
    }
    let fail = async |world: &mut Replicas| {
        world.tasks[0].network.slow_down();
        for tokens in &others {
            world.auth[1].sign_out(tokens).await;
        }
    };
    let fault = Fault::start(&mut world, fail).await;
    let repair = async |world: &mut Replicas| {
        world.tasks[0].network.forward();
    };
    fault.end(&mut world, repair).await;
    for tasks in &world.tasks {
        for tokens in &others {
            tasks.assert_revoked(tokens).await;
        }
    }
    // Either the auth service refuses with SLOW_CONSUMER, or the subscriber notices first that its messages are old.
    let causes = ["ResourceExhausted", "the messages of the feed are late"];
    log.assert_any("the revocation feed is interrupted", &causes);
}

/// The log of this thread, which runs the whole test.
#[derive(Debug, Clone, Default)]
struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let log = Log {
            format: LogFormat::Json,
            level: LogLevel::parse("warn").unwrap(),
        };
        let lines = self.clone();
        let subscriber = logs::subscriber(&log, move || lines.clone(), false);
        tracing::subscriber::set_default(subscriber)
    }

    fn assert_any(&self, message: &str, causes: &[&str]) {
        let bytes = self.0.lock().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let mut found = text.lines().filter(|line| line.contains(message));
        let fits = |line: &str| causes.iter().any(|cause| line.contains(cause));
        assert!(found.any(fits), "{text}");
    }
}

impl io::Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
