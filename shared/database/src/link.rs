//! Whether the connection to the database can be read or redirected on its way.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// The hosts that this process has warned of.
static WARNED_OF: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Warns, once for each host, if the database is on another machine and its certificate is not verified: whoever is between can
/// read and change everything, the password included.
pub(super) fn warn_if_unverified(options: &PgConnectOptions) {
    if is_local(options) || matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
        return;
    }
    let mut warned_of = WARNED_OF.lock().unwrap_or_else(PoisonError::into_inner);
    if !warned_of.insert(options.get_host().to_owned()) {
        return;
    }
    tracing::warn!(
        host = options.get_host(),
        sslmode = ?options.get_ssl_mode(),
        "the database is on another machine and it is not verified that it is the right one: set sslmode=verify-full and sslrootcert in its URL"
    );
}

/// A Unix socket, or an address of this machine. A name other than `localhost` may be of another machine, also if it is an alias of
/// this one; so may a list of names, which is no name.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(host).parse::<IpAddr>();
    let is_loopback = address.is_ok_and(|address| {
        let address = address.to_canonical();
        address.is_loopback() || address.is_unspecified()
    });
    options.get_socket().is_some()
        || host.is_empty()
        || host.starts_with('/')
        || host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
        || is_loopback
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use settings::Setting as _;
    use telemetry::logs::{Log, LogFormat, LogLevel, subscriber};

    use super::*;
    use crate::{Lanes, Settings};

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The warnings of a process that starts lanes twice with this URL.
    fn warnings(url: &str) -> Vec<String> {
        let log = Log {
            format: LogFormat::Json,
            level: LogLevel::parse("info").unwrap(),
        };
        let output = Output::default();
        let writer = output.clone();
        let _guard =
            tracing::subscriber::set_default(subscriber(&log, move || writer.clone(), false));
        for _ in 0..2 {
            let settings = Settings {
                url: url.into(),
                ..Settings::default()
            };
            Lanes::start(settings).unwrap();
        }
        let bytes = output.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines().filter(|line| line.contains("verify-full"));
        lines.map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn a_start_warns_once_of_a_database_elsewhere_whose_certificate_is_not_verified() {
        let remote = "postgres://tandem:hunter2@db.invalid/d";
        let [warning] = &warnings(remote)[..] else {
            panic!("one warning");
        };
        assert!(warning.contains("WARN") && warning.contains("db.invalid"));
        assert!(!warning.contains("hunter2"));
        assert_eq!(
            warnings("postgres://u@required.invalid/d?sslmode=require").len(),
            1
        );
        for safe in [
            "postgres://u@other.invalid/d?sslmode=verify-full",
            "postgres://u@127.0.0.1/d",
            "postgres:///d?host=/run/postgresql&user=u",
        ] {
            assert_eq!(warnings(safe), [""; 0], "{safe}");
        }
    }

    #[test]
    fn only_a_socket_and_loopback_addresses_are_local() {
        let is_local = |url: &str| is_local(&url.parse().unwrap());
        for url in [
            "postgres://u@localhost/d",
            "postgres://u@127.0.0.1:5432/d",
            "postgres://u@[::1]/d",
            "postgres://u@[::ffff:127.0.0.1]/d",
            "postgres://u@LocalHost./d",
            "postgres://u@127.8.9.10/d",
            "postgres://u@db.example.com/d?host=/run/postgresql",
            "postgres://u@db.example.com/d?hostaddr=127.0.0.1",
            "postgres:///d?host=/run/postgresql&user=u",
            "postgres://u@%2Frun%2Fpostgresql/d",
        ] {
            assert!(is_local(url), "{url}");
        }
        for url in [
            "postgres://u@db.example.com/d",
            "postgres://u@10.0.0.1/d",
            "postgres://u@localhost.example.com/d",
            "postgres://u@localhost,db.example.com/d",
            "postgres://u@database/d",
            "postgres://u@[fd00::1]/d",
            "postgres://u@[::ffff:10.0.0.1]/d",
            "postgres://u@localhost/d?host=db.example.com",
            "postgres://u@localhost/d?hostaddr=10.0.0.1",
            "postgres://u@127.0.0.1.example.com/d",
        ] {
            assert!(!is_local(url), "{url}");
        }
    }
}
