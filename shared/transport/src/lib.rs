//! The listeners of a server: the accept loop, the limits of connections, and how connections end.
//!
//! | module | what it is |
//! |---|---|
//! | [`connections`] | accepting, limiting and closing connections |
//! | [`backlog`] | closing a listener without losing the connections in its queue |
//! | [`network`] | blocks of addresses; the address of a client behind trusted proxies |
//! | [`settings`] | the limits of connections, read from the settings |
//! | [`metrics`] | the metrics about connections |
//! | [`unread`] | the rest of a request's body that nobody reads |

pub mod backlog;
pub mod connections;
pub mod metrics;
pub mod network;
pub mod settings;
pub mod unread;
