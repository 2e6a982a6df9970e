//! TLS of a listener.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    pki_types::CertificateDer,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::SingleCertAndKey,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::{TlsAcceptor, client, server::TlsStream};

use super::{
    crypto::{PROVIDER, VERSIONS, VERSIONS_SUPPORTED},
    error::{FileError, Validity},
    loopback,
    material::{Files, Material},
    protocols::Protocols,
    reload::Reloading,
};

/// The TLS of a listener: its certificate, and the authorities of its clients. Clones share one state.
#[derive(Debug, Clone)]
pub struct ServerTls(Arc<Reloading<ListenerConfig>>);

struct ListenerConfig {
    config: Arc<ServerConfig>,
    /// The certificate that is presented.
    presented: CertificateDer<'static>,
    /// Whether clients must present one.
    requires_client_certificate: bool,
}

impl ServerTls {
    /// Reads `files`, which must have an identity. With authorities, clients must present a certificate that one of them signed.
    /// `name` is its name in the log, `every` the interval at which [`ServerTls::keep_current`] reads the files again. Blocks.
    pub fn load(
        name: impl Into<String>,
        files: Files,
        protocols: Protocols,
        every: Duration,
    ) -> Result<Self, Vec<FileError>> {
        let make = move |material| listener_config(material, protocols);
        Reloading::load(name.into(), files, every, make).map(|config| Self(Arc::new(config)))
    }

    /// When the certificate that is presented is valid, updated when it is replaced.
    #[must_use]
    pub fn validity(&self) -> watch::Receiver<Option<Validity>> {
        self.0.validity()
    }

    /// Reads the files again at the interval and on SIGHUP.
    pub async fn keep_current(&self) -> Infallible {
        self.0.keep_current().await
    }

    /// Does the handshake of a connection, with the current certificate.
    pub async fn accept<I>(&self, stream: I) -> io::Result<TlsStream<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let config = Arc::clone(&self.0.current().config);
        TlsAcceptor::from(config).accept(stream).await
    }

    /// Whether clients must present a certificate.
    #[must_use]
    pub fn requires_client_certificates(&self) -> bool {
        self.0.current().requires_client_certificate
    }

    /// Connects to the process on this machine that serves with these files, with this ALPN protocol. The process must present the
    /// certificate in the files.
    pub async fn connect_locally(
        &self,
        stream: TcpStream,
        protocol: &[u8],
    ) -> io::Result<client::TlsStream<TcpStream>> {
        loopback::connect(stream, self.0.current().presented.clone(), protocol).await
    }
}

fn listener_config(material: Material, protocols: Protocols) -> ListenerConfig {
    let identity = material
        .identity
        .expect("a listener's files have an identity");
    let builder = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_protocol_versions(&VERSIONS)
        .expect(VERSIONS_SUPPORTED);
    let requires_client_certificate = material.authorities.is_some();
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
    let presented = certified.cert.first();
    let presented = presented.expect("a chain has a first certificate").clone();
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = protocols.alpn();
    ListenerConfig {
        config: Arc::new(config),
        presented,
        requires_client_certificate,
    }
}
