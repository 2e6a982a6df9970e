//! The server on which the tests of a process create their databases.

use embedded_postgres::{EmbeddedPostgres, Settings};
use tokio::sync::OnceCell;

/// Started by the first test of this process that needs it. Its supervisor stops and removes it when the process ends.
static SERVER: OnceCell<EmbeddedPostgres> = OnceCell::const_new();

/// The URL of the database `postgres`, on the server that `TEST_POSTGRES` names or else on a private one of this process.
pub(crate) async fn url() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are configured only by their environment"
    )]
    if let Ok(url) = std::env::var("TEST_POSTGRES") {
        return url;
    }
    let start = || EmbeddedPostgres::start(Settings::throwaway());
    let server = SERVER.get_or_try_init(start).await;
    server
        .unwrap_or_else(|error| panic!("no server for the tests: {error}"))
        .url("postgres")
}

/// The URL of another database on the same server.
pub(crate) fn with_database(url: &str, database: &str) -> String {
    let (address, query) = url
        .split_once('?')
        .map_or((url, None), |(address, query)| (address, Some(query)));
    let (scheme, rest) = address
        .split_once("://")
        .expect("a connection URL has a scheme");
    let authority = rest.split('/').next().unwrap_or_default();
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{authority}/{database}{query}")
}

/// The same URL for another user, without the password of the first.
pub(crate) fn with_user(url: &str, user: &str) -> String {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = address
        .split_once("://")
        .expect("a connection URL has a scheme");
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let kept = query.split('&').filter(|parameter| {
        let name = parameter.split('=').next().unwrap_or_default();
        !["", "user", "password"].contains(&name)
    });
    let first = format!("user={user}");
    let query: Vec<&str> = std::iter::once(first.as_str()).chain(kept).collect();
    format!("{scheme}://{host}/{database}?{}", query.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_a_url_changes() {
        for (before, after) in [
            (
                "postgres:///postgres?host=/tmp/a/b&user=u",
                "postgres:///x?host=/tmp/a/b&user=u",
            ),
            (
                "postgres://u:p@localhost:5432/postgres",
                "postgres://u:p@localhost:5432/x",
            ),
            ("postgres://localhost", "postgres://localhost/x"),
        ] {
            assert_eq!(with_database(before, "x"), after);
        }
    }

    #[test]
    fn only_the_user_of_a_url_changes() {
        for (before, after) in [
            (
                "postgres:///x?host=/tmp/a/b&port=5432&user=u",
                "postgres:///x?user=v&host=/tmp/a/b&port=5432",
            ),
            (
                "postgres://u:p@localhost:5432/x",
                "postgres://localhost:5432/x?user=v",
            ),
        ] {
            assert_eq!(with_user(before, "v"), after);
        }
    }
}
