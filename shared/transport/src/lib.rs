//! How bytes come in: the accept loop of every listener, the limits of its connections, and how they end.
//!
//! | module | what it is |
//! |---|---|
//! | [`connections`] | accepting, limiting and closing connections |
//! | [`backlog`] | a listener with a longer queue of connections that wait |
//! | [`network`] | blocks of addresses; the client behind trusted proxies |
//! | [`settings`] | the limits of connections, read from the settings |
//! | [`metrics`] | what is counted about connections |

pub mod backlog;
pub mod connections;
mod meter;
pub mod metrics;
pub mod network;
pub mod settings;
