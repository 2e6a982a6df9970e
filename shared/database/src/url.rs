//! The URL of a database, checked before the driver sees it.
//!
//! The driver ignores unknown parameters and logs them with their values: a misspelt `password` would put the password into the log.
//! So they are refused here. The error does not quote a parameter's name: the text before a `=` may be a part of a password that
//! contains `&` or `?`.

use std::str::FromStr;

use secrecy::SecretString;
use settings::SecretError;
use sqlx::postgres::PgConnectOptions;

const MALFORMED: SecretError =
    SecretError::Malformed("is not a URL such as postgres://user@host:5432/database");
const FRAGMENT: SecretError =
    SecretError::Malformed("has a #, which ends a URL; it is written %23");

/// The parameters of the driver (`sqlx-postgres`, `options/parse.rs`), beside `options[…]`.
const DRIVER_PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// Further parameters of libpq (PostgreSQL 18, "Parameter Key Words").
const LIBPQ_PARAMETERS: [&str; 32] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "service",
    "servicefile",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslnegotiation",
    "sslpassword",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// A known parameter at least this similar (0 to 1) to an unknown one is suggested.
const MIN_SIMILARITY: f64 = 0.7;

/// Reads the URL of a PostgreSQL database. A secret because it usually holds a password.
///
/// # Errors
/// Not a URL with the scheme `postgres` or `postgresql` that the driver understands, every parameter included.
pub fn database_url(text: &str) -> Result<SecretString, SecretError> {
    if text.is_empty() {
        return Err(SecretError::Empty);
    }
    if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
        return Err(MALFORMED);
    }
    if text.contains('#') {
        return Err(FRAGMENT);
    }
    refuse_unknown_parameters(text)?;
    match PgConnectOptions::from_str(text) {
        Ok(_) => Ok(SecretString::from(text)),
        // The driver's own message may quote the URL, password included.
        Err(_) => Err(MALFORMED),
    }
}

fn refuse_unknown_parameters(url: &str) -> Result<(), SecretError> {
    let (_, query) = url.split_once('?').unwrap_or((url, ""));
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    for (at, parameter) in parameters.enumerate() {
        let name = parameter.split('=').next().unwrap_or_default();
        let options = ["options[", "options%5B", "options%5b"];
        if !DRIVER_PARAMETERS.contains(&name)
            && !options.iter().any(|begin| name.starts_with(begin))
        {
            return Err(unknown(name, at + 1));
        }
    }
    Ok(())
}

fn unknown(name: &str, number: usize) -> SecretError {
    if let Some(supported_elsewhere) = LIBPQ_PARAMETERS.into_iter().find(|known| *known == name) {
        return SecretError::Unsupported(supported_elsewhere);
    }
    let similarity = |known: &str| strsim::normalized_damerau_levenshtein(known, name);
    let nearest = DRIVER_PARAMETERS
        .into_iter()
        .max_by(|one, other| similarity(one).total_cmp(&similarity(other)));
    match nearest {
        Some(meant) if similarity(meant) >= MIN_SIMILARITY => {
            SecretError::Misspelt { number, meant }
        }
        Some(_) | None => SecretError::UnknownParameter(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_needs_the_scheme_of_postgres() {
        assert!(database_url("postgres://tandem:pw@localhost:5432/tandem").is_ok());
        assert!(database_url("postgresql:///tandem?host=/run/postgresql").is_ok());
        for wrong in [
            "",
            "mysql://localhost/x",
            "localhost/x",
            "postgres://localhost:port/x",
        ] {
            assert!(database_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_parameters_of_the_driver_are_accepted() {
        let value = |name| match name {
            "sslmode" | "ssl-mode" => "prefer",
            "hostaddr" => "127.0.0.1",
            "port" | "statement-cache-capacity" => "5",
            _ => "x",
        };
        for name in DRIVER_PARAMETERS {
            let url = format!("postgres://u@h/d?{name}={}", value(name));
            assert!(database_url(&url).is_ok(), "{name}");
        }
        assert!(database_url("postgres:///d?options[geqo]=off&options%5Bjit%5D=off").is_ok());
        for name in LIBPQ_PARAMETERS {
            let refused = database_url(&format!("postgres://u@h/d?{name}=x")).unwrap_err();
            assert_eq!(refused, SecretError::Unsupported(name));
        }
    }

    #[test]
    fn an_unknown_parameter_is_refused_without_its_name_or_value_in_the_error() {
        for (url, message) in [
            (
                "postgres://u@h/d?user=u&pasword=hunter2",
                "number 2 after the ?; did you mean password?",
            ),
            (
                "postgres://u@h/d?Password=hunter2",
                "number 1 after the ?; did you mean password?",
            ),
            (
                "postgres://u:1?hunter2@h/d",
                "number 1 after the ?; in a password ? is written %3F and & %26",
            ),
            (
                "postgres:///d?password=x&hunter2",
                "number 2 after the ?; in a password ? is written %3F and & %26",
            ),
            (
                "postgres:///d?password=x#hunter2",
                "has a #, which ends a URL; it is written %23",
            ),
        ] {
            let refused = database_url(url).unwrap_err().to_string();
            assert!(refused.ends_with(message), "{url}: {refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
