//! Other services: where they are, and how they are spoken to.

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
    PROVIDER, SPOKEN, VERSIONS,
    faults::{Fault, Validity},
    live::Live,
    material::{Files, Material},
};
#[cfg(feature = "telemetry")]
use crate::meter::tell_expiry;
#[cfg(feature = "telemetry")]
use telemetry::metrics::Metrics;

/// The port of `https` when none is named.
const HTTPS: u16 = 443;

/// TLS towards other services: whose certificates are accepted, and the one that is shown. Clones are one and the same.
#[derive(Debug, Clone)]
pub struct ClientTls(Arc<Live<ClientConfig>>);

impl ClientTls {
    /// Reads `files`, which must have authorities; an identity is shown to servers that ask for one. `name` is what the log
    /// calls it, `every` how often [`ClientTls::keep_current`] looks at the files. Blocks.
    pub fn load(
        name: impl Into<String>,
        files: Files,
        every: Duration,
    ) -> Result<Self, Vec<Fault>> {
        Live::load(name.into(), files, every, config).map(|live| Self(Arc::new(live)))
    }

    /// When the certificate that is shown is valid, as it is replaced; none if none is shown.
    #[must_use]
    pub fn validity(&self) -> watch::Receiver<Option<Validity>> {
        self.0.validity()
    }

    /// Looks at the files again and again, and on SIGHUP. Connections that are opened from then on see what is new.
    pub async fn keep_current(&self) -> Infallible {
        self.0.keep_current().await
    }

    /// Tells `metrics` when the certificate that is shown expires.
    #[cfg(feature = "telemetry")]
    pub fn tell(&self, metrics: &Metrics) {
        tell_expiry(metrics, "client", self.validity());
    }
}

fn config(material: Material) -> ClientConfig {
    let authorities = material
        .authorities
        .unwrap_or_else(|| Arc::new(RootCertStore::empty()));
    let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_protocol_versions(&VERSIONS)
        .expect(SPOKEN)
        .with_root_certificates(authorities);
    let mut config = match material.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let shown = SingleCertAndKey::from(Arc::unwrap_or_clone(identity.certified));
            let shown: Arc<dyn ResolvesClientCert> = Arc::new(shown);
            builder.with_client_cert_resolver(shown)
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// Another service: where it is, and how it is spoken to.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Where it is to its callers, whichever of its addresses is connected to.
    uri: Uri,
    endpoint: Endpoint,
    tls: Option<ClientTls>,
}

/// An `https` address without anything to check its certificate by.
#[derive(Debug, thiserror::Error)]
#[error("the address is https, and no authority is known")]
pub struct NoTls;

/// In plaintext.
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
    /// The service at `uri`, an absolute `http` or `https` URI; with `https` it is spoken to by `tls`, which the reader of the
    /// settings asks for then.
    pub fn new(uri: &Uri, tls: Option<&ClientTls>) -> Result<Self, NoTls> {
        if uri.scheme_str() != Some("https") {
            return Ok(Endpoint::from(uri.clone()).into());
        }
        let tls = tls.ok_or(NoTls)?;
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(HTTPS);
        // The connector does TLS; tonic's own would be asked to if it saw the scheme.
        let reached = format!("http://{host}:{port}");
        let endpoint = Endpoint::from_shared(reached).expect("host and port of a URI make a URI");
        Ok(Self {
            uri: uri.clone(),
            endpoint: endpoint.origin(uri.clone()),
            tls: Some(tls.clone()),
        })
    }

    /// The same service at this one of the addresses that its name stands for, with the settings of the transport as they are
    /// to begin with. Its certificate is that of the name.
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

    /// Connects when first needed, and again when the connection is lost: then with the certificates there are by then.
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
            name: bare(self.uri.host().unwrap_or_default()).to_owned(),
        }
    }
}

/// Looks at the files of `tls` again and again, and on SIGHUP, if there is any.
pub async fn keep_current(tls: Option<&ClientTls>) -> Infallible {
    match tls {
        Some(tls) => tls.keep_current().await,
        None => pending().await,
    }
}

/// A host of a URI, where IPv6 has brackets, as it is elsewhere.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Opens a connection with the certificates there are now.
#[derive(Debug, Clone)]
struct Connector {
    tls: ClientTls,
    /// What the certificate must be for.
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
            let host = bare(uri.host().unwrap_or_default());
            let port = uri.port_u16().unwrap_or(HTTPS);
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from(name).map_err(io::Error::other)?;
            Ok(TokioIo::new(tls.connect(name, stream).await?))
        }
        .boxed()
    }
}
