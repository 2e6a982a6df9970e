//! The cryptography of TLS, the same for listeners and clients.

use std::sync::{Arc, LazyLock};

use rustls::{
    SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    version::{TLS12, TLS13},
};

/// AWS-LC, as in all other code of this workspace.
pub(super) static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// The versions in use (RFC 8446, RFC 5246). RFC 8996 forbids older ones.
pub(super) const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// Why rustls accepts [`VERSIONS`].
pub(super) const VERSIONS_SUPPORTED: &str = "the provider has suites for both versions";
