//! Every SQL statement of the service: one function, one statement. The time and all ids are arguments.

pub(crate) mod account;
pub(crate) mod administration;
pub(crate) mod api_key;
pub(crate) mod audit;
pub(crate) mod feed;
pub(crate) mod open_session;
pub(crate) mod restoration;
pub(crate) mod revocation;
pub(crate) mod session;
pub(crate) mod signing_key;
pub(crate) mod throttle;

/// `state` of an account that can be signed in to: the number of `ACCOUNT_STATE_ACTIVE`.
pub(crate) const ACTIVE: i16 = 1;
/// `state` of an account that is closed: the number of `ACCOUNT_STATE_DISABLED`.
pub(crate) const DISABLED: i16 = 2;
/// `role` of an account that administers others: the number of `ACCOUNT_ROLE_ADMIN`.
pub(crate) const ADMIN: i16 = 2;
