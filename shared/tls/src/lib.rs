//! TLS of listeners and towards other services, by rustls: versions 1.3 and 1.2, with its own choice of suites.
//!
//! It promises:
//! - **Certificates are replaced without a restart.** The files are read again every few seconds and on SIGHUP; what they
//!   hold is taken over whole, or not at all. Connections go on with what they began with, new handshakes see the new one,
//!   and sessions of before are not resumed.
//! - **A broken file changes nothing.** The last good certificate stays, and one ERROR line says what is wrong.
//! - **Both sides can be asked for a certificate** (mTLS): a listener with a `client_ca` takes only clients that show one
//!   signed by it.

mod client;
mod faults;
mod live;
mod material;
#[cfg(feature = "telemetry")]
mod meter;
#[cfg(feature = "telemetry")]
pub mod metrics;
mod own;
mod protocols;
mod server;
mod settings;

pub use self::{
    client::{ClientTls, NoTls, Upstream, keep_current},
    faults::{Fault, Part, Validity, What},
    material::Files,
    protocols::Protocols,
    server::ServerTls,
    settings::{listener_tls, upstream_tls},
};

#[cfg(feature = "telemetry")]
pub use self::meter::tell_expiry;

use std::sync::{Arc, LazyLock};

use rustls::{
    SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    version::{TLS12, TLS13},
};

/// AWS-LC, as everywhere.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// What is spoken (RFC 8446, RFC 5246); older ones are forbidden by RFC 8996.
const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// Why the versions and suites can be configured.
const SPOKEN: &str = "the provider has suites for both versions";
