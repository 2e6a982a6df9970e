//! TLS of a listener.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    pki_types::CertificateDer,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::SingleCertAndKey,
};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::{TlsAcceptor, client, server::TlsStream};

use super::{
    PROVIDER, SPOKEN, VERSIONS,
    faults::{Fault, Validity},
    live::Live,
    material::{Files, Material},
    own,
};
use crate::Protocols;
#[cfg(feature = "telemetry")]
use crate::meter::tell_expiry;
#[cfg(feature = "telemetry")]
use telemetry::metrics::Metrics;

/// The TLS of a listener: its certificate, and whose clients it takes. Clones are one and the same.
#[derive(Debug, Clone)]
pub struct ServerTls(Arc<Live<Serving>>);

struct Serving {
    config: Arc<ServerConfig>,
    /// The certificate that is shown.
    shown: CertificateDer<'static>,
    /// Whether clients must show one.
    asks: bool,
}

impl ServerTls {
    /// Reads `files`, which must have an identity; with authorities, clients must show a certificate of theirs. `name` is what
    /// the log calls it, `every` how often [`ServerTls::keep_current`] looks at the files. Blocks.
    pub fn load(
        name: impl Into<String>,
        files: Files,
        protocols: Protocols,
        every: Duration,
    ) -> Result<Self, Vec<Fault>> {
        let make = move |material| serving(material, protocols);
        Live::load(name.into(), files, every, make).map(|live| Self(Arc::new(live)))
    }

    /// When the certificate that is shown is valid, as it is replaced: for a gauge.
    #[must_use]
    pub fn validity(&self) -> watch::Receiver<Option<Validity>> {
        self.0.validity()
    }

    /// Looks at the files again and again, and on SIGHUP.
    pub async fn keep_current(&self) -> Infallible {
        self.0.keep_current().await
    }

    /// Shakes hands, with the certificate there is now.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.0.current().config);
        TlsAcceptor::from(config).accept(stream).await
    }

    /// Tells `metrics` when the certificate expires.
    #[cfg(feature = "telemetry")]
    pub fn tell(&self, metrics: &Metrics) {
        tell_expiry(metrics, "server", self.validity());
    }

    /// Whether clients must show a certificate.
    #[must_use]
    pub fn asks_for_certificates(&self) -> bool {
        self.0.current().asks
    }

    /// Speaks to the process of this machine that serves with these files, by the protocol of this name in
    /// ALPN: it must show the very certificate that they hold.
    pub async fn reach(
        &self,
        stream: TcpStream,
        protocol: &[u8],
    ) -> io::Result<client::TlsStream<TcpStream>> {
        own::connect(stream, self.0.current().shown.clone(), protocol).await
    }
}

fn serving(material: Material, protocols: Protocols) -> Serving {
    let identity = material
        .identity
        .expect("a listener's files have an identity");
    let builder = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_protocol_versions(&VERSIONS)
        .expect(SPOKEN);
    let asks = material.authorities.is_some();
    let builder = match material.authorities {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let verifier: Arc<dyn ClientCertVerifier> =
                WebPkiClientVerifier::builder_with_provider(authorities, Arc::clone(&PROVIDER))
                    .build()
                    .expect("there is at least one authority");
            builder.with_client_cert_verifier(verifier)
        }
    };
    let certified = Arc::unwrap_or_clone(identity.certified);
    let shown = certified.cert.first();
    let shown = shown.expect("a chain has a first certificate").clone();
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = protocols.alpn();
    Serving {
        config: Arc::new(config),
        shown,
        asks,
    }
}
