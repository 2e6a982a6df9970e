//! The settings of the service under test.

use auth_service::config::{Config, DEFAULTS, SECTION};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use settings::{Settings, Source};
use testing::leaks::forbid_settings;

use crate::world::SERVICE_SECRET;

/// Bytes that are random enough to be accepted as a key.
pub(crate) fn key(factor: usize) -> [u8; 32] {
    std::array::from_fn(|at| u8::try_from((at * at * factor + 201) % 256).unwrap())
}

/// Settings of the tests: cheap hashing, fixed keys.
pub(crate) fn config(url: &str, settings: &[(&str, &str)]) -> Config {
    let mut generated: Vec<(String, String)> = [
        ("auth.database.url", url.to_owned()),
        (
            "auth.key_encryption_keys",
            format!("1:{}", STANDARD.encode(key(7))),
        ),
        ("auth.signing.poll", "20ms".to_owned()),
        (
            "auth.refresh_keys",
            format!("1:{}", STANDARD.encode(key(11))),
        ),
        ("auth.service_secrets", SERVICE_SECRET.to_owned()),
        ("auth.hash.memory_kib", "8".to_owned()),
        ("auth.hash.iterations", "1".to_owned()),
        // All calls come from one address. The tests of this limit lower it.
        ("auth.throttle.address_burst", "1000000".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for (name, value) in settings {
        generated.retain(|(other, _)| other != name);
        generated.push(((*name).to_owned(), (*value).to_owned()));
    }
    forbid_settings(generated.iter().map(|one| (one.0.as_str(), one.1.as_str())));
    let source = Source {
        defaults: &[telemetry::settings::DEFAULTS, DEFAULTS],
        sections: &[SECTION],
        generated,
        directory: "/".into(),
        environment: Vec::new(),
    };
    let mut settings = Settings::load(source);
    let config = Config::read(&mut settings);
    settings.finish(|| config).unwrap()
}
