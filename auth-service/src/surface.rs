//! The RPCs that the service offers, each service of the contract with the use cases behind it.

use shared::{
    proto::auth::{
        account_service_server::AccountServiceServer, admin_service_server::AdminServiceServer,
        auth_service_server::AuthServiceServer, verifier_service_server::VerifierServiceServer,
    },
    serve::Surface,
};

use crate::{
    accounts::Accounts,
    administration::Administration,
    api_keys::ApiKeys,
    device::Devices,
    grpc::{AccountRpcs, AdminRpcs, AuthRpcs, VerifierRpcs},
    introspection::Introspection,
    sessions::Sessions,
    signing_keys::SigningKeys,
};

/// Largest request, in bytes.
const LARGEST_REQUEST: usize = 64 * 1024;

/// The RPCs of these use cases.
pub(crate) fn of(
    accounts: Accounts,
    sessions: Sessions,
    devices: Devices,
    signing_keys: SigningKeys,
    introspection: Introspection,
) -> Surface {
    let verifier = VerifierRpcs {
        feed: sessions.feed.clone(),
        introspection,
    };
    let api_keys = ApiKeys::new(sessions.clone());
    let auth = AuthRpcs {
        accounts: accounts.clone(),
        sessions: sessions.clone(),
        api_keys: api_keys.clone(),
        devices,
        signing_keys,
    };
    let admin = AdminRpcs {
        administration: Administration::new(sessions.clone()),
    };
    let account = AccountRpcs {
        accounts,
        sessions,
        api_keys,
    };
    Surface::default()
        .with(AuthServiceServer::new(auth).max_decoding_message_size(LARGEST_REQUEST))
        .with(AccountServiceServer::new(account).max_decoding_message_size(LARGEST_REQUEST))
        .with(VerifierServiceServer::new(verifier).max_decoding_message_size(LARGEST_REQUEST))
        .with(AdminServiceServer::new(admin).max_decoding_message_size(LARGEST_REQUEST))
}
