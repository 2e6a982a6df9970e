//! The secrets that a program was given, in every notation in which it could show them.

use std::{collections::BTreeSet, fmt, fmt::Write as _, fs, path::Path};

use base64::{
    Engine as _,
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig,
        general_purpose::{NO_PAD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
    },
};

use super::SHORTEST_VALUE;

/// The suffixes of the names of secret settings.
const SECRET_SUFFIXES: [&str; 9] = [
    "SECRET",
    "SECRETS",
    "KEY",
    "KEYS",
    "PEPPER",
    "PEPPERS",
    "PASSWORD",
    "TOKEN",
    "PASSPHRASE",
];
/// The variable that names the file of all settings.
const CONFIG: &str = "TANDEM_CONFIG";
/// The variable that names the folder where `standalone` keeps the secrets it generated.
const DIRECTORY: &str = "TANDEM_STANDALONE__DIRECTORY";
/// The file of those secrets.
const GENERATED: &str = "secrets.toml";
/// The fewest bytes of a key. As many bytes in a row identify a key in a list of numbers.
const KEY_BYTES: usize = 16;
const LENIENT: GeneralPurposeConfig =
    NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ALPHABETS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT),
    GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT),
];

/// The secrets that a program was given. Its `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct GivenSecrets(BTreeSet<String>);

impl GivenSecrets {
    /// The secrets among variables or settings, and in the files that they name. A file that does not exist now is ignored.
    pub fn among<'v>(variables: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let mut given = Self::default();
        for (name, value) in variables {
            given.add(&name.to_ascii_uppercase(), value);
        }
        given
    }

    /// These secrets and the others.
    #[must_use]
    pub fn merged(mut self, others: &Self) -> Self {
        self.0.extend(others.0.iter().cloned());
        self
    }

    /// Whether a line shows one of them.
    #[must_use]
    pub fn are_shown_in(&self, line: &str) -> bool {
        self.0.iter().any(|secret| line.contains(secret.as_str()))
    }

    /// Each secret in each notation.
    pub(super) fn into_values(self) -> BTreeSet<String> {
        self.0
    }

    fn add(&mut self, name: &str, value: &str) {
        if name == CONFIG {
            self.add_file_of_settings(Path::new(value));
        } else if name == DIRECTORY {
            self.add_file_of_settings(&Path::new(value).join(GENERATED));
        } else if let Some(name) = name.strip_suffix("_FILE") {
            self.add(name, &read(Path::new(value)));
        } else if name.ends_with("URL") {
            self.add_url(value);
        } else if name.ends_with("HEADERS") {
            // Each header is `name=value`. In `Bearer abc` the scheme may be shown.
            let values = value.split(',').filter_map(|header| header.split_once('='));
            for word in values.flat_map(|(_, value)| value.split(' ')) {
                self.add_secret(word);
            }
        } else if SECRET_SUFFIXES.iter().any(|ending| name.ends_with(ending)) {
            // A list of secrets, each with or without an id before it.
            for part in value.split([',', ':']) {
                self.add_secret(part.trim());
            }
        }
    }

    /// Adds the secrets among the lines `name = "value"` of a TOML file.
    fn add_file_of_settings(&mut self, file: &Path) {
        for line in read(file).lines() {
            if let Some((name, value)) = line.split_once('=') {
                let value = value.trim().trim_matches(['"', '\'']);
                self.add(&name.trim().to_ascii_uppercase(), value);
            }
        }
    }

    /// Adds the password of a URL, before the `@` or among the parameters. A password that also appears in another part of the
    /// URL is no secret.
    fn add_url(&mut self, url: &str) {
        let authority = url.split_once("://").map_or("", |(_, rest)| rest);
        let userinfo = authority
            .rsplit_once('@')
            .map_or("", |(userinfo, _)| userinfo);
        let in_userinfo = userinfo.split_once(':').map(|(_, password)| password);
        let parameters = url
            .split_once('?')
            .map_or("", |(_, query)| query)
            .split('&');
        let in_parameters = parameters.filter_map(|parameter| parameter.strip_prefix("password="));
        for password in in_userinfo.into_iter().chain(in_parameters) {
            if url.matches(password).count() == 1 {
                self.add_secret(password);
                self.add_secret(&percent_decoded(password));
            }
        }
    }

    fn add_secret(&mut self, secret: &str) {
        let secret = secret.trim_end_matches('=');
        if secret.len() < SHORTEST_VALUE {
            return;
        }
        self.0.insert(secret.to_owned());
        self.0.insert(secret.escape_default().to_string());
        let decoded = ALPHABETS.iter().filter_map(|one| one.decode(secret).ok());
        for bytes in decoded.filter(|bytes| bytes.len() >= KEY_BYTES) {
            self.add_bytes(&bytes);
        }
    }

    fn add_bytes(&mut self, bytes: &[u8]) {
        let mut hex = String::new();
        for byte in bytes {
            write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        }
        self.0.insert(hex.to_ascii_uppercase());
        self.0.insert(hex);
        self.0.insert(STANDARD_NO_PAD.encode(bytes));
        self.0.insert(URL_SAFE_NO_PAD.encode(bytes));
        let list = format!("{:?}", &bytes[..KEY_BYTES]);
        self.0.insert(list.trim_matches(['[', ']']).to_owned());
    }
}

/// Shows only how many there are.
impl fmt::Debug for GivenSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GivenSecrets({})", self.0.len())
    }
}

fn read(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.trim_end().to_owned()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| str::from_utf8(code).ok());
        let decoded = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        if let Some(byte) = decoded.filter(|_| *first == b'%') {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "2pTw0Lb1hPZmYdJx6nS8vKqRk5cE3fGyA9uWzB7oHtM=";

    #[test]
    fn a_key_is_found_in_every_notation() {
        let keys = format!("1:{KEY},2:c2Vjb25kIGtleSBvZiB0aGUgbGlzdA");
        let given = GivenSecrets::among([("TANDEM_AUTH__REFRESH_KEYS", keys.as_str())]);
        for shown in [
            format!("key {KEY}"),
            "da94f0d0b6f584f66661d271ea74bcbcaa91939704ddf1b203db96cc1ee81ed3".to_owned(),
            "[218, 148, 240, 208, 182, 245, 132, 246, 102, 97, 210, 113, 234, 116, 188, 188, 170]"
                .to_owned(),
            "c2Vjb25kIGtleSBvZiB0aGUgbGlzdA==".to_owned(),
        ] {
            assert!(given.are_shown_in(&shown), "{shown}");
        }
        assert!(!given.are_shown_in("refresh keys 1 and 2 are in use"));
    }

    #[test]
    fn the_password_of_a_url_is_found_encoded_and_decoded_and_the_rest_may_be_shown() {
        let given = GivenSecrets::among([
            ("DATABASE_URL", "postgres://tandem:open%20sesame@db/x"),
            (
                "TANDEM_TASK__DATABASE__URL",
                "postgres:///x?password=hunter2hunter2&user=u",
            ),
        ]);
        for shown in ["open%20sesame", "with open sesame", "hunter2hunter2"] {
            assert!(given.are_shown_in(shown), "{shown}");
        }
        assert!(!given.are_shown_in("cannot connect to db/x as tandem"));
        let same =
            GivenSecrets::among([("DATABASE_URL", "postgres://postgres:postgres@db/postgres")]);
        assert!(!same.are_shown_in("postgres ready"));
    }

    #[test]
    fn the_values_of_headers_are_found_and_their_names_may_be_shown() {
        let headers = "authorization=Bearer of-a-collector==, x-team=a";
        let given = GivenSecrets::among([("TANDEM_TELEMETRY__OTLP__HEADERS", headers)]);
        assert!(given.are_shown_in("sent Bearer of-a-collector"));
        assert!(!given.are_shown_in("sent authorization and x-team, with Bearer"));
    }

    #[test]
    fn secrets_in_files_are_found() {
        let folder = std::env::temp_dir().join(format!("given-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, text: &str| {
            fs::write(folder.join(name), text).unwrap();
            folder.join(name).display().to_string()
        };
        let key = file("key", "first of the three\n");
        let settings = file(
            "a.toml",
            "[auth]\nrefresh_keys = \"1:second of the three\"\n",
        );
        file(GENERATED, "page_token_key = 'third of the three'\n");
        let given = GivenSecrets::among([
            ("TANDEM_TASK__PAGE_TOKEN_KEY_FILE", key.as_str()),
            (CONFIG, settings.as_str()),
            (DIRECTORY, &folder.display().to_string()),
            ("TANDEM_TASK__SERVICE_SECRET_FILE", "/nowhere/at/all"),
        ]);
        fs::remove_dir_all(&folder).unwrap();
        for shown in ["first", "second", "third"] {
            assert!(
                given.are_shown_in(&format!("{shown} of the three")),
                "{shown}"
            );
        }
    }

    #[test]
    fn other_settings_are_not_secrets() {
        let given = GivenSecrets::among([
            ("TANDEM_AUTH__LISTEN", "127.0.0.1:50051"),
            ("TANDEM_GATEWAY__KEEPALIVE_INTERVAL", "10 seconds"),
            ("TANDEM_TASK__AUTH_UPSTREAM", "http://auth.example:50051"),
        ]);
        assert_eq!(given.into_values(), BTreeSet::new());
    }
}
