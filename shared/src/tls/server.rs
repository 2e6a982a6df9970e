//! TLS of a listener.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::SingleCertAndKey,
};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    PROVIDER, SPOKEN, VERSIONS,
    faults::{Fault, Validity},
    live::Live,
    material::{Files, Material},
};
use crate::connections::Protocols;

/// The TLS of a listener: its certificate, and whose clients it takes. Clones are one and the same.
#[derive(Debug, Clone)]
pub struct ServerTls(Arc<Live<ServerConfig>>);

impl ServerTls {
    /// Reads `files`, which must have an identity; with authorities, clients must show a certificate of theirs. `name` is what
    /// the log calls it, `every` how often [`ServerTls::keep_current`] looks at the files. Blocks.
    pub fn load(
        name: impl Into<String>,
        files: Files,
        protocols: Protocols,
        every: Duration,
    ) -> Result<Self, Vec<Fault>> {
        let make = move |material| config(material, protocols);
        Live::load(name.into(), files, every, make).map(|live| Self(Arc::new(live)))
    }

    /// When the certificate that is shown is valid, as it is replaced: for a gauge.
    #[must_use]
    pub fn validity(&self) -> watch::Receiver<Option<Validity>> {
        self.0.validity()
    }

    /// Looks at the files again and again, and on SIGHUP.
    pub(crate) async fn keep_current(&self) -> Infallible {
        self.0.keep_current().await
    }

    /// Shakes hands, with the certificate there is now.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.0.current()).accept(stream).await
    }
}

fn config(material: Material, protocols: Protocols) -> ServerConfig {
    let identity = material
        .identity
        .expect("a listener's files have an identity");
    let builder = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_protocol_versions(&VERSIONS)
        .expect(SPOKEN);
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
    let shown = SingleCertAndKey::from(Arc::unwrap_or_clone(identity.certified));
    let mut config = builder.with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = protocols.alpn();
    config
}
