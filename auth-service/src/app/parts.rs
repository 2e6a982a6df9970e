//! The parts of the service, made from its configuration.

use std::{sync::Arc, time::Duration};

use clock::Clock;
use database::Lanes;
use serving::{access::PolicyError, serve::ServiceSet};
use telemetry::metrics::Metrics;
use tokio_util::task::TaskTracker;
use verifier::{Revocations, Trust, Verifier};

use crate::{
    accounts::{Accounts, deletions::Deletions, metrics::AccountMetrics},
    admin::{Admin, gate::AdminGate, page::Pages},
    api_keys::ApiKeys,
    audit::Audit,
    config::Config,
    context::Context,
    key_ring::{KeyRing, KeyRingError},
    passwords::{
        Passwords,
        hashing::{HashSettings, Hasher, HasherError},
        reauthentication::Reauthentication,
    },
    revocations::{Feed, domain::RevocationTtl, introspection::Introspection},
    routes::{self, AccountRoutes, AdminRoutes, AuthRoutes, VerifierRoutes},
    sessions::{Sessions, metrics::SessionMetrics, sign_in::SignIn, tokens::SessionTokens},
    signing_keys::{
        KeyAdmin, SigningKeys,
        issuer::{Profile, TokenIssuer},
        sealing::{KeyEncryptionKeys, KeyEncryptionKeysError},
    },
    throttle::Throttle,
};

/// OWASP's minimum for Argon2id: memory in KiB, passes.
const OWASP_MINIMUM: (u32, u32) = (19_456, 2);

/// Why the service cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keys that seal signing keys are not usable.
    #[error(transparent)]
    KeyEncryptionKeys(#[from] KeyEncryptionKeysError),
    /// The keys of the refresh tokens are not usable.
    #[error(transparent)]
    RefreshKeys(#[from] KeyRingError),
    /// Password hashing cannot be started.
    #[error(transparent)]
    Hashing(#[from] HasherError),
    /// The URL of the database cannot be read.
    #[error("auth.database.url cannot be read")]
    Database(#[source] sqlx::Error),
    /// An RPC does not declare who may call it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// What the use cases are built from.
pub(super) struct Parts {
    pub(super) context: Context,
    pub(super) signing_keys: SigningKeys,
    pub(super) verifier: Verifier,
    pub(super) records: TaskTracker,
    issuer: Arc<TokenIssuer>,
    ring: Arc<KeyRing>,
    throttle: Arc<Throttle>,
    hasher: Hasher,
    session_metrics: Arc<SessionMetrics>,
    account_metrics: AccountMetrics,
}

impl Parts {
    pub(super) fn new(
        config: &Config,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> Result<Self, StartError> {
        let context = Context {
            lanes: Lanes::counted(config.database.clone(), metrics, "calls")
                .map_err(StartError::Database)?,
            clock: Arc::clone(&clock),
            feed: Feed::new(config.feed, revocation_ttl(config)),
        };
        let signing_keys = signing_keys(config, context.clone())?;
        let issuer = TokenIssuer {
            profile: config.profile.clone(),
            keys: signing_keys.clone(),
        };
        let hasher = Hasher::start(config.hash, config.peppers.clone())?;
        Ok(Self {
            context,
            signing_keys,
            verifier: verifier(&config.profile, config.leeway, &clock),
            records: TaskTracker::new(),
            issuer: Arc::new(issuer),
            ring: Arc::new(refresh_keys(config)?),
            throttle: Arc::new(Throttle::new(config.throttle, clock, metrics)),
            hasher: hasher.with_metrics(metrics, config.hash.threads),
            session_metrics: Arc::new(SessionMetrics::new(metrics)),
            account_metrics: AccountMetrics::new(metrics),
        })
    }

    /// Registers the gauges of the parts.
    pub(super) fn register(&self, metrics: &Metrics) {
        self.context.feed.register(metrics);
        self.signing_keys.register(metrics);
        self.verifier.register_metrics(metrics);
    }
    /// The RPCs.
    pub(super) fn surface(&self, config: &Config) -> ServiceSet {
        let sessions = Sessions {
            context: self.context.clone(),
            tokens: Arc::new(SessionTokens {
                issuer: Arc::clone(&self.issuer),
                ring: Arc::clone(&self.ring),
            }),
            throttle: Arc::clone(&self.throttle),
            lifetimes: config.lifetimes,
            metrics: Arc::clone(&self.session_metrics),
        };
        let accounts = Arc::new(Accounts {
            context: self.context.clone(),
            sessions: sessions.clone(),
            throttle: Arc::clone(&self.throttle),
            hasher: self.hasher.clone(),
            reauthentication: self.reauthentication(),
            metrics: self.account_metrics.clone(),
        });
        let auth = self.auth_routes(Arc::clone(&accounts), sessions.clone());
        let account = self.account_routes(accounts, sessions);
        routes::surface(auth, account, self.verifier_routes(), self.admin_routes())
    }

    fn auth_routes(&self, accounts: Arc<Accounts>, sessions: Sessions) -> AuthRoutes {
        AuthRoutes {
            accounts,
            sign_in: SignIn {
                context: self.context.clone(),
                sessions: sessions.clone(),
                throttle: Arc::clone(&self.throttle),
                hasher: self.hasher.clone(),
                verifier: self.verifier.clone(),
                records: self.records.clone(),
            },
            sessions,
            api_keys: self.api_keys(),
            issuer: Arc::clone(&self.issuer),
        }
    }

    fn account_routes(&self, accounts: Arc<Accounts>, sessions: Sessions) -> AccountRoutes {
        AccountRoutes {
            accounts,
            passwords: Passwords {
                context: self.context.clone(),
                sessions: sessions.clone(),
                hasher: self.hasher.clone(),
                reauthentication: self.reauthentication(),
            },
            sessions,
            api_keys: self.api_keys(),
        }
    }

    fn verifier_routes(&self) -> VerifierRoutes {
        VerifierRoutes {
            feed: self.context.feed.clone(),
            introspection: Introspection {
                context: self.context.clone(),
                verifier: self.verifier.clone(),
            },
            deletions: Deletions {
                context: self.context.clone(),
            },
        }
    }

    fn admin_routes(&self) -> AdminRoutes {
        let gate = AdminGate {
            context: self.context.clone(),
        };
        let pages = Pages::new(self.context.clone(), &self.ring);
        AdminRoutes {
            admin: Admin {
                context: self.context.clone(),
                gate: gate.clone(),
                pages: pages.clone(),
            },
            audit: Audit {
                gate: gate.clone(),
                pages,
            },
            keys: KeyAdmin {
                gate,
                keys: self.signing_keys.clone(),
            },
        }
    }

    fn api_keys(&self) -> ApiKeys {
        ApiKeys {
            context: self.context.clone(),
            throttle: Arc::clone(&self.throttle),
            issuer: Arc::clone(&self.issuer),
            ring: Arc::clone(&self.ring),
            reauthentication: self.reauthentication(),
        }
    }

    fn reauthentication(&self) -> Reauthentication {
        Reauthentication {
            context: self.context.clone(),
            throttle: Arc::clone(&self.throttle),
            hasher: self.hasher.clone(),
            records: self.records.clone(),
        }
    }
}

/// The keys that seal refresh tokens.
fn refresh_keys(config: &Config) -> Result<KeyRing, KeyRingError> {
    let keys = config.refresh_keys.iter();
    KeyRing::new(keys.map(|(id, key)| (*id, *key.expose())).collect())
}

/// The signing keys of this configuration; none has been read yet.
pub(crate) fn signing_keys(
    config: &Config,
    context: Context,
) -> Result<SigningKeys, KeyEncryptionKeysError> {
    let keys = config.key_encryption_keys.iter();
    let keys = keys.map(|(id, key)| (*id, *key.expose())).collect();
    Ok(SigningKeys::new(
        context,
        KeyEncryptionKeys::new(keys)?,
        config.signing,
        config.profile.access_ttl,
    ))
}

/// How long a revocation is kept.
pub(crate) fn revocation_ttl(config: &Config) -> RevocationTtl {
    RevocationTtl {
        longest_call: config.server.deadline + config.database.unit_limit,
    }
}

/// Checks the tokens of the callers of this service.
fn verifier(profile: &Profile, leeway: Duration, clock: &Arc<dyn Clock>) -> Verifier {
    let trust = Trust {
        issuer: profile.issuer.clone(),
        audience: profile.audience.clone(),
        leeway,
    };
    // The use cases ask the database, so a token of an ended session is refused there and at once.
    Verifier::new(trust, Revocations::NotConsulted, 0, Arc::clone(clock))
}

/// Logs a warning when passwords are hashed below OWASP's minimum.
pub(super) fn warn_of_weak_hashing(hash: HashSettings) {
    let (memory_kib, iterations) = OWASP_MINIMUM;
    if hash.memory_kib < memory_kib || hash.iterations < iterations {
        tracing::warn!(
            hash.memory_kib,
            hash.iterations,
            "passwords are hashed below OWASP's minimum of {memory_kib} KiB and {iterations} passes"
        );
    }
}
