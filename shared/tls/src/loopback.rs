//! TLS from the command `healthcheck` to the server process on the same machine, which has the same configuration.
//!
//! The server is recognized by the certificate in the configuration and by its key. The name, the authority and the validity of the
//! certificate are not checked here; clients on other machines check them.

use std::{io, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::crypto::{PROVIDER, VERSIONS, VERSIONS_SUPPORTED};

/// Does a handshake with a server that must present the certificate `expected`.
pub(super) async fn connect(
    stream: TcpStream,
    expected: CertificateDer<'static>,
    protocol: &[u8],
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::from(stream.peer_addr()?.ip());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_protocol_versions(&VERSIONS)
        .expect(VERSIONS_SUPPORTED)
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ExactCertificate(expected)))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

/// Accepts this certificate and no other. The handshake proves that the server has its key.
#[derive(Debug)]
struct ExactCertificate(CertificateDer<'static>);

impl ServerCertVerifier for ExactCertificate {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *presented == self.0 {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &PROVIDER.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &PROVIDER.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &PROVIDER.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
