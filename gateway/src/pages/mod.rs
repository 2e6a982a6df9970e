//! What the gateway answers by itself, as JSON: name and services, health, and the keys that verify tokens.

mod health;
mod info;
mod jwks;

pub(crate) use self::{health::health, info::info, jwks::jwks};
