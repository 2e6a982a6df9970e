//! The auth service: accounts, sessions, and the tokens of both.
//!
//! One road: [`grpc`] parses and converts, `accounts` and `sessions` decide and own the transactions, `store` has every
//! statement. [`App`] is the whole; it can run in a process of its own or beside others.

mod accounts;
mod administration;
mod api_key;
mod api_keys;
pub mod config;
mod confirmed;
mod decision;
pub mod domain;
pub mod error;
pub mod feed;
mod grpc;
mod introspection;
mod key_ring;
pub mod operator;
pub mod password;
mod refresh;
pub mod refresh_token;
pub mod sessions;
mod sign_in;
pub mod signing;
mod store;
mod sweeper;
pub mod tokens;

use std::sync::Arc;

use aws_lc_rs::error::KeyRejected;
use shared::{
    access::PolicyError,
    clock::Clock,
    database::Lanes,
    health::Health,
    proto::auth::{
        account_service_server::AccountServiceServer, admin_service_server::AdminServiceServer,
        auth_service_server::AuthServiceServer, verifier_service_server::VerifierServiceServer,
    },
    readiness::{self, Schema},
    serve::{Server, Surface},
    token::{KeySet, Revocations, Trust, Verifier},
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accounts::Accounts,
    administration::Administration,
    api_keys::ApiKeys,
    config::Config,
    feed::{Feed, Lag},
    grpc::{AccountRpcs, AdminRpcs, AuthRpcs, VerifierRpcs},
    introspection::Introspection,
    password::{HashSettings, Hasher},
    refresh_token::{KeyRing, KeyRingError},
    sessions::Sessions,
    tokens::Mint,
};

/// Largest request, in bytes.
const LARGEST_REQUEST: usize = 64 * 1024;
/// OWASP's minimum for Argon2id: memory in KiB, passes.
const OWASP_MINIMUM: (u32, u32) = (19_456, 2);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/auth");
/// The tables of this service.
pub const SCHEMA: Schema = Schema {
    name: "auth",
    migrations: &MIGRATIONS,
};

/// Why the service cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The signing key is no seed of Ed25519.
    #[error("auth.signing_key is not a seed of Ed25519")]
    SigningKey(#[from] KeyRejected),
    /// The keys of the refresh tokens contradict one another.
    #[error(transparent)]
    RefreshKeys(#[from] KeyRingError),
    /// Password hashing cannot be started.
    #[error(transparent)]
    Hashing(#[from] password::StartError),
    /// The database's URL cannot be read.
    #[error("auth.database.url cannot be read")]
    Database(#[source] sqlx::Error),
    /// An RPC does not say who may call it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// The service, ready to serve.
#[derive(Debug)]
pub struct App {
    server: Server,
    health: Health,
    lanes: Lanes,
    feed: Feed,
    feed_lane: Lanes,
    clock: Arc<dyn Clock>,
    /// Records of calls that have been answered.
    records: TaskTracker,
}

impl App {
    /// Puts the service together. It connects to its database in the background; must be called within a runtime.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        warn_of_cheap_hashing(config.hash);
        let lag = lag(&config);
        let feed_lane = Lanes::start(feed::lane(&config.database)).map_err(StartError::Database)?;
        let lanes = Lanes::start(config.database).map_err(StartError::Database)?;
        let hasher = Hasher::start(config.hash)?;
        let verifier = verifier(&config.profile, config.leeway, &clock);
        let ring = config
            .refresh_keys
            .iter()
            .map(|(id, key)| (*id, *key.expose()));
        let ring = KeyRing::new(ring.collect())?;
        let mint = Arc::new(Mint::new(
            config.profile,
            config.signing_key.expose(),
            ring,
        )?);
        verifier.set_keys(KeySet::new([mint.public_key()]));

        let feed = Feed::new(config.feed, lag, vec![mint.public_key()]);
        let records = TaskTracker::new();
        let sessions = Sessions::new(
            lanes.clone(),
            Arc::clone(&mint),
            feed.clone(),
            Arc::clone(&clock),
            config.lifetimes,
        );
        let accounts = Accounts::new(sessions.clone(), hasher, records.clone());
        let introspection = Introspection {
            sessions: sessions.clone(),
            verifier: verifier.clone(),
        };
        let surface =
            surface(accounts, sessions, mint, introspection).admitting(config.service_secrets);
        let health = Health::new(surface.names().iter().copied());
        Ok(Self {
            server: Server::new(surface, health.clone(), verifier, config.server)?,
            health,
            lanes,
            feed,
            feed_lane,
            clock,
            records,
        })
    }

    /// Serves on `listener` until `shutdown` resolves, then stops: calls under way, then background tasks, then the
    /// connections to the database.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        readiness::follow(&tasks, self.health, &self.lanes, SCHEMA, Vec::new(), &stop);
        let clock = || Arc::clone(&self.clock);
        tasks.spawn(sweeper::sweep(self.lanes.clone(), clock(), stop.clone()));
        tasks.spawn(feed::sweep(self.lanes.clone(), clock(), stop.clone()));
        let feed = self.feed.clone();
        tasks.spawn(feed::publish(feed, self.feed_lane, clock(), stop.clone()));

        let shutdown = async {
            shutdown.await;
            self.feed.end();
        };
        self.server.run(listener, shutdown).await;

        stop.cancel();
        for tracker in [tasks, self.records] {
            tracker.close();
            tracker.wait().await;
        }
        self.lanes.close().await;
    }
}

fn lag(config: &Config) -> Lag {
    Lag {
        access_ttl: config.profile.access_ttl,
        longest_call: config.server.deadline + config.database.unit_limit,
    }
}

fn surface(
    accounts: Accounts,
    sessions: Sessions,
    mint: Arc<Mint>,
    introspection: Introspection,
) -> Surface {
    let verifier = VerifierRpcs {
        feed: sessions.feed.clone(),
        introspection,
    };
    let api_keys = ApiKeys::new(sessions.clone());
    let auth = AuthRpcs {
        accounts: accounts.clone(),
        sessions: sessions.clone(),
        api_keys: api_keys.clone(),
        mint,
    };
    let admin = AdminRpcs {
        administration: Administration::new(sessions.clone()),
    };
    let account = AccountRpcs {
        accounts,
        sessions,
        api_keys,
    };
    Surface::default()
        .with(AuthServiceServer::new(auth).max_decoding_message_size(LARGEST_REQUEST))
        .with(AccountServiceServer::new(account).max_decoding_message_size(LARGEST_REQUEST))
        .with(VerifierServiceServer::new(verifier).max_decoding_message_size(LARGEST_REQUEST))
        .with(AdminServiceServer::new(admin).max_decoding_message_size(LARGEST_REQUEST))
}

fn verifier(
    profile: &tokens::Profile,
    leeway: std::time::Duration,
    clock: &Arc<dyn Clock>,
) -> Verifier {
    let trust = Trust {
        issuer: profile.issuer.clone(),
        audience: profile.audience.clone(),
        leeway,
    };
    // Its methods ask the database, so a token of an ended session is refused there and at once.
    Verifier::new(trust, Revocations::NotConsulted, 0, Arc::clone(clock))
}

fn warn_of_cheap_hashing(hash: HashSettings) {
    let (memory_kib, iterations) = OWASP_MINIMUM;
    if hash.memory_kib < memory_kib || hash.iterations < iterations {
        tracing::warn!(
            hash.memory_kib,
            hash.iterations,
            "passwords are hashed below OWASP's minimum of {memory_kib} KiB and {iterations} passes"
        );
    }
}
