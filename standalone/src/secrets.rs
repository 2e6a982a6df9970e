//! The keys of tokens and the service secret. They are generated at the first start and kept in the folder.

use aws_lc_rs::rand;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use figment::{
    Figment,
    providers::{Format as _, Toml},
};
use serde::Deserialize;
use settings::KeyMaterial;

use crate::{data_folder::DataFolder, error::Error};

/// The file in the folder.
const FILE: &str = "secrets.toml";

/// The secrets of a process. There is no `Debug`, because it would print them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secrets {
    auth: AuthSecrets,
    task: TaskSecrets,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthSecrets {
    refresh_keys: String,
    /// Missing in files of the first version.
    #[serde(default)]
    key_encryption_keys: String,
    /// Missing in files of the first version.
    #[serde(default)]
    service_secret: String,
    /// Only in files of the first version. Signing keys are in the database now.
    #[serde(default, rename = "signing_key")]
    _signing_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskSecrets {
    page_token_key: String,
}

impl Secrets {
    /// New random secrets.
    pub(crate) fn random() -> Self {
        Self {
            auth: AuthSecrets {
                refresh_keys: format!("1:{}", random_key()),
                key_encryption_keys: format!("1:{}", random_key()),
                service_secret: random_key(),
                _signing_key: None,
            },
            task: TaskSecrets {
                page_token_key: random_key(),
            },
        }
    }

    /// The secrets in the folder. At the first start there are none; then `new` is stored and returned.
    pub(crate) fn load_or_store(folder: &DataFolder, new: Self) -> Result<Self, Error> {
        let Some(text) = folder.read(FILE)? else {
            folder.write(FILE, &new.to_toml())?;
            return Ok(new);
        };
        let stored = Self::parse(&text).map_err(|problem| Error::Secrets {
            path: folder.path(FILE),
            problem,
        })?;
        stored.completed(folder, new)
    }

    /// Adds from `new` the secrets that an older version did not generate. Those that exist are kept.
    fn completed(mut self, folder: &DataFolder, new: Self) -> Result<Self, Error> {
        if self.auth.service_secret.is_empty() {
            self.auth.service_secret = new.auth.service_secret;
            self.auth.key_encryption_keys = new.auth.key_encryption_keys;
            folder.write(FILE, &self.to_toml())?;
        }
        Ok(self)
    }

    /// As generated settings: dotted key and value.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let named = [
            ("auth.refresh_keys", &self.auth.refresh_keys),
            ("auth.key_encryption_keys", &self.auth.key_encryption_keys),
            ("auth.service_secrets", &self.auth.service_secret),
            ("task.service_secret", &self.auth.service_secret),
            ("task.page_token_key", &self.task.page_token_key),
        ];
        named
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .to_vec()
    }

    fn to_toml(&self) -> String {
        format!(
            "# Generated at the first start. Anyone who has this file can issue tokens. Without it every session ends.\n\
             [auth]\nrefresh_keys = \"{}\"\nkey_encryption_keys = \"{}\"\nservice_secret = \"{}\"\n\n[task]\npage_token_key = \"{}\"\n",
            self.auth.refresh_keys,
            self.auth.key_encryption_keys,
            self.auth.service_secret,
            self.task.page_token_key
        )
    }

    /// An error does not contain the parser's message, because that quotes the text.
    fn parse(text: &str) -> Result<Self, String> {
        let parsed: Result<Self, _> = Figment::from(Toml::string(text)).extract();
        let Ok(secrets) = parsed else {
            return Err("it is not TOML with the expected settings".to_owned());
        };
        let present = secrets
            .settings()
            .into_iter()
            .filter(|(_, value)| !value.is_empty());
        for (key, value) in present {
            for item in value.split(',') {
                let (_, material) = item.split_once(':').unwrap_or(("", item));
                KeyMaterial::parse(material).map_err(|weakness| format!("{key} {weakness}"))?;
            }
        }
        Ok(secrets)
    }
}

fn random_key() -> String {
    let mut key = [0; KeyMaterial::LENGTH];
    rand::fill(&mut key).expect("the operating system gives random bytes");
    BASE64_STANDARD.encode(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_folder::tests::TestFolder;

    #[test]
    fn the_secrets_of_the_first_start_are_kept() {
        let temporary = TestFolder::new();
        let folder = DataFolder::open(&temporary.0).unwrap();
        let Ok(first) = Secrets::load_or_store(&folder, Secrets::random()) else {
            panic!("new secrets can be stored")
        };
        let Ok(second) = Secrets::load_or_store(&folder, Secrets::random()) else {
            panic!("stored secrets can be read")
        };
        assert_eq!(first.settings(), second.settings());
        assert_ne!(first.settings(), Secrets::random().settings());
    }

    #[test]
    fn a_file_of_the_first_version_is_completed_and_its_secrets_are_kept() {
        let temporary = TestFolder::new();
        let folder = DataFolder::open(&temporary.0).unwrap();
        let whole = Secrets::random();
        let newer = |line: &&str| {
            line.starts_with("service_secret") || line.starts_with("key_encryption_keys")
        };
        let text = whole.to_toml();
        let oldest: Vec<&str> = text.lines().filter(|line| !newer(line)).collect();
        let older = oldest
            .join("\n")
            .replace("[auth]", "[auth]\nsigning_key = \"x\"");
        folder.write(FILE, &older).unwrap();
        let Ok(first) = Secrets::load_or_store(&folder, Secrets::random()) else {
            panic!("an older file can be read")
        };
        let Ok(second) = Secrets::load_or_store(&folder, Secrets::random()) else {
            panic!("the completed file can be read")
        };
        assert_eq!(first.auth.refresh_keys, whole.auth.refresh_keys);
        assert_eq!(first.settings(), second.settings());
        assert!(first.settings().iter().all(|(_, value)| !value.is_empty()));
    }

    #[test]
    fn an_error_about_a_damaged_file_does_not_quote_it_and_the_file_is_unchanged() {
        let temporary = TestFolder::new();
        let folder = DataFolder::open(&temporary.0).unwrap();
        let whole = Secrets::random();
        let key = whole.task.page_token_key.clone();
        let cases = [
            (String::new(), "not TOML with"),
            (whole.to_toml()[..150].to_owned(), "not TOML with"),
            (
                whole.to_toml().replace(&key, &key[..20]),
                "task.page_token_key must be base64 of exactly 32 bytes",
            ),
            (
                whole.to_toml().replace("page_token_key", "other_key"),
                "not TOML with",
            ),
        ];
        for (text, expected) in cases {
            folder.write(FILE, &text).unwrap();
            let Err(error) = Secrets::load_or_store(&folder, Secrets::random()) else {
                panic!("accepted: {expected}")
            };
            let message = error.to_string();
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains(&key[..20]), "{message}");
            assert_eq!(folder.read(FILE).unwrap(), Some(text));
        }
    }
}
