//! The generated services of the contract. Each method only passes its request to the subject that handles the RPC: see the
//! `grpc.rs` of that subject.

mod account;
mod admin;
mod auth;
mod verifier;

use contract::proto::auth::{
    account_service_server::AccountServiceServer, admin_service_server::AdminServiceServer,
    auth_service_server::AuthServiceServer, verifier_service_server::VerifierServiceServer,
};
use serving::serve::ServiceSet;
use tonic::codec::CompressionEncoding;

pub(crate) use self::{
    account::AccountRoutes, admin::AdminRoutes, auth::AuthRoutes, verifier::VerifierRoutes,
};

/// Most bytes of a request.
const MAX_REQUEST_BYTES: usize = serving::serve::MAX_MESSAGE_BYTES;

/// A service that reads requests up to that size, also those compressed with gzip.
macro_rules! reading {
    ($service:expr) => {
        $service
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .accept_compressed(CompressionEncoding::Gzip)
    };
}

/// All services of the contract.
pub(crate) fn surface(
    auth: AuthRoutes,
    account: AccountRoutes,
    verifier: VerifierRoutes,
    admin: AdminRoutes,
) -> ServiceSet {
    ServiceSet::default()
        .with(reading!(AuthServiceServer::new(auth)))
        .with(reading!(AccountServiceServer::new(account)))
        .with(reading!(VerifierServiceServer::new(verifier)))
        .with(reading!(AdminServiceServer::new(admin)))
}
