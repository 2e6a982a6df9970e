//! The REST API as a client of the seed uses it: real curl, real services.

mod curl;
mod errors;
mod journey;
mod pages;
mod tokens;
