//! TLS of listeners and towards other services with rustls: versions 1.3 and 1.2, and the cipher suites that rustls chooses.
//!
//! Guarantees:
//! - **Certificates are replaced without a restart.** The files are read again every few seconds and on SIGHUP. Their
//!   contents replace the old ones together, or not at all. Open connections keep their certificate, new handshakes use the new
//!   one, and TLS sessions that were made before are not resumed.
//! - **A broken file changes nothing.** The last good certificate stays in use, and one ERROR line says what is wrong.
//! - **Both sides can require a certificate** (mTLS): a listener with a `client_ca` accepts only clients with a certificate that
//!   it signed.

mod client;
mod crypto;
mod error;
#[cfg(feature = "telemetry")]
mod expiry;
mod loopback;
mod material;
#[cfg(feature = "telemetry")]
pub mod metrics;
mod protocols;
mod reload;
mod server;
pub mod settings;

pub use self::{
    client::{ClientTls, MissingAuthority, Upstream, keep_current},
    error::{FileError, FileErrorKind, FileRole, Validity},
    material::Files,
    protocols::Protocols,
    server::ServerTls,
    settings::{listener_tls, upstream_tls},
};

#[cfg(feature = "telemetry")]
pub use self::expiry::register_expiry;
