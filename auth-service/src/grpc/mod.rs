//! The gRPC adapters: parse the message, call the use case, convert the result.

mod account_service;
mod admin;
mod admin_service;
mod api_key;
mod auth_service;
mod messages;
mod requests;
mod verifier;
mod verifier_service;

pub(crate) use account_service::AccountRpcs;
pub(crate) use admin_service::AdminRpcs;
pub(crate) use auth_service::AuthRpcs;
pub(crate) use verifier_service::VerifierRpcs;
