//! Connections to other services, in plaintext or with TLS.

use std::{
    convert::Infallible,
    future::pending,
    io,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore, client::ResolvesClientCert, pki_types::ServerName,
    sign::SingleCertAndKey,
};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{self, Channel, Endpoint};
use tower::Service;

use super::{
    crypto::{PROVIDER, VERSIONS, VERSIONS_SUPPORTED},
    error::{FileError, Validity},
    material::{Files, Material},
    reload::Reloading,
};

/// The default port of `https`.
const HTTPS_PORT: u16 = 443;

/// TLS towards other services: the authorities whose certificates are accepted, and the certificate that is presented. Clones share
/// one state.
#[derive(Debug, Clone)]
pub struct ClientTls(Arc<Reloading<ClientConfig>>);

impl ClientTls {
    /// Reads `files`, which must have authorities. An identity is presented to servers that request one. `name` is its name in the
    /// log, `every` the interval at which [`ClientTls::keep_current`] reads the files again. Blocks.
    pub fn load(
        name: impl Into<String>,
        files: Files,
        every: Duration,
    ) -> Result<Self, Vec<FileError>> {
        Reloading::load(name.into(), files, every, config).map(|config| Self(Arc::new(config)))
    }

    /// When the certificate that is presented is valid, updated when it is replaced; `None` without a certificate.
    #[must_use]
    pub fn validity(&self) -> watch::Receiver<Option<Validity>> {
        self.0.validity()
    }

    /// Reads the files again at the interval and on SIGHUP. Connections that are opened later use the new contents.
    pub async fn keep_current(&self) -> Infallible {
        self.0.keep_current().await
    }
}

fn config(material: Material) -> ClientConfig {
    let authorities = material
        .authorities
        .unwrap_or_else(|| Arc::new(RootCertStore::empty()));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_protocol_versions(&VERSIONS)
        .expect(VERSIONS_SUPPORTED)
        .with_root_certificates(authorities);
    let mut config = match material.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let presented = SingleCertAndKey::from(Arc::unwrap_or_clone(identity.certified));
            let presented: Arc<dyn ResolvesClientCert> = Arc::new(presented);
            builder.with_client_cert_resolver(presented)
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// Another service: its address, and how connections to it are made.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The address that callers name, whichever IP address is connected to.
    uri: Uri,
    endpoint: Endpoint,
    tls: Option<ClientTls>,
}

/// An `https` address without an authority to check its certificate against.
#[derive(Debug, thiserror::Error)]
#[error("the address is https, and no authority is known")]
pub struct MissingAuthority;

/// A service in plaintext.
impl From<Endpoint> for Upstream {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            uri: endpoint.uri().clone(),
            endpoint,
            tls: None,
        }
    }
}

impl Upstream {
    /// The service at `uri`, an absolute `http` or `https` URI. `https` needs `tls`, which the reader of the settings requires then.
    ///
    /// # Errors
    /// `https` without `tls`.
    pub fn new(uri: &Uri, tls: Option<&ClientTls>) -> Result<Self, MissingAuthority> {
        if uri.scheme_str() != Some("https") {
            return Ok(Endpoint::from(uri.clone()).into());
        }
        let tls = tls.ok_or(MissingAuthority)?;
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(HTTPS_PORT);
        // The connector does TLS. With the scheme `https`, tonic would expect its own TLS to be configured.
        let plain = format!("http://{host}:{port}");
        let endpoint = Endpoint::from_shared(plain).expect("host and port of a URI make a URI");
        Ok(Self {
            uri: uri.clone(),
            endpoint: endpoint.origin(uri.clone()),
            tls: Some(tls.clone()),
        })
    }

    /// The same service at one of the IP addresses of its name, with the default settings of the transport. Its certificate must be
    /// for the name.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}"));
        let endpoint = endpoint.expect("an address is an authority");
        Self {
            uri: self.uri.clone(),
            endpoint: endpoint.origin(self.uri.clone()),
            tls: self.tls.clone(),
        }
    }

    /// The same service, with other settings of the transport.
    #[must_use]
    pub fn with(self, adjust: impl FnOnce(Endpoint) -> Endpoint) -> Self {
        Self {
            endpoint: adjust(self.endpoint),
            ..self
        }
    }

    /// Connects.
    pub async fn connect(&self) -> Result<Channel, transport::Error> {
        match &self.tls {
            None => self.endpoint.connect().await,
            Some(tls) => {
                let connector = self.connector(tls);
                self.endpoint.connect_with_connector(connector).await
            }
        }
    }

    /// Connects at the first call, and again when the connection is lost, with the certificates that are current at that time.
    #[must_use]
    pub fn connect_lazy(&self) -> Channel {
        match &self.tls {
            None => self.endpoint.connect_lazy(),
            Some(tls) => {
                let connector = self.connector(tls);
                self.endpoint.connect_with_connector_lazy(connector)
            }
        }
    }

    fn connector(&self, tls: &ClientTls) -> Connector {
        Connector {
            tls: tls.clone(),
            name: without_brackets(self.uri.host().unwrap_or_default()).to_owned(),
        }
    }
}

/// Keeps the files of `tls` current ([`ClientTls::keep_current`]); without `tls` it waits forever.
pub async fn keep_current(tls: Option<&ClientTls>) -> Infallible {
    match tls {
        Some(tls) => tls.keep_current().await,
        None => pending().await,
    }
}

/// The host of a URI without the brackets around an IPv6 address.
fn without_brackets(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Opens connections with the certificates that are current.
#[derive(Debug, Clone)]
struct Connector {
    tls: ClientTls,
    /// The name that the certificate must be for.
    name: String,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tls = TlsConnector::from(self.tls.0.current());
        let name = self.name.clone();
        async move {
            let host = without_brackets(uri.host().unwrap_or_default());
            let port = uri.port_u16().unwrap_or(HTTPS_PORT);
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from(name).map_err(io::Error::other)?;
            Ok(TokioIo::new(tls.connect(name, stream).await?))
        }
        .boxed()
    }
}
