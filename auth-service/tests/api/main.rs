//! The service through its network interface: a real server, a real database, and a clock that the test controls.
#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, also in what tests share"
)]

mod access;
mod account_api_keys;
mod acknowledge_keys;
mod admin_access;
mod admins;
mod causes;
mod change_password;
mod clocks;
mod create_api_key;
mod delete_account;
mod disable_account;
mod exchange_api_key;
mod expelled_holder;
mod fair_shares;
mod forged_refreshes;
mod forged_tokens;
mod get_account;
mod get_json_web_key_set;
mod hashing;
mod hashing_shares;
mod health;
mod introspect_token;
mod keys;
mod known_device;
mod list_account_deletions;
mod list_accounts;
mod list_api_keys;
mod list_audit_events;
mod list_sessions;
mod many_sessions;
mod metrics;
mod outage;
mod passwords;
mod refresh_model;
mod refresh_steps;
mod refresh_storage;
mod refresh_tokens;
mod revocations;
mod revoke_account_sessions;
mod revoke_api_key;
mod revoke_other_sessions;
mod revoke_session;
mod rotate_signing_key;
mod service_access;
mod session_limit;
mod settings;
mod sign_in;
mod sign_out;
mod sign_up;
mod signing_keys;
mod stale_copies;
mod statements;
mod sweeper;
mod throttle;
mod timing;
mod token_ttl;
mod update_account;
mod watch_outages;
mod watch_revocations;
mod watcher;
mod world;
