//! Any content of the environment and the files.

use std::fs;

use proptest::{collection::vec, prelude::*, sample::select};

use crate::{MARKER, any_binary, cases, folder, put};

/// Pieces of `.env`. Each secret is on its own line.
const DOT_ENV: [&str; 21] = [
    "\nTANDEM_LOG__LEVEL=\"forgotten\nTANDEM_AUTH__REFRESH_KEYS=hunter2hunter2\n\"\n",
    "\nTANDEM_AUTH__REFRESH_KEYS=hunter2hunter2\n",
    "\nTANDEM_AUTH__REFRESH_KEYS='hunter2hunter2'\n",
    "\nDATABASE_URL=\"postgres://u:hunter2hunter2@h/d\"\r\n",
    "\nTANDEM_TASK__PAGE_TOKEN_KEY=hunter2hunter2 # it\n",
    "TANDEM_AUTH__LISTEN=",
    "TANDEM_LOG__LEVEL=",
    "TANDEM_TASK__QUOTA = ",
    "TANDEM_GATEWAY__CORS_ORIGINS=",
    "TANDEM_AUTH",
    "export ",
    "TANDEM_CONFIG=t.toml\n",
    "_FILE=",
    "\"",
    "'",
    "$",
    "${",
    "#",
    "\\",
    "\n",
    "\u{feff}",
];

/// Pieces of TOML. Each secret is on its own line.
const TOML: [&str; 24] = [
    "\nrefresh_keys = \"hunter2hunter2\"\n",
    "\nurl = 'postgres://u:hunter2hunter2@h/d'\n",
    "\npage_token_key = hunter2hunter2\n",
    "\n[auth]\n",
    "\n[auth.database]\n",
    "\n[task]\n",
    "\n[[auth]]\n",
    "\n[log",
    "auth.listen = ",
    "quota = ",
    "level = ",
    "listen = ",
    "\"",
    "'",
    "'''",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "1979-05-27",
    "-inf",
    "true\n",
];

fn pieces(of: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => select(of).prop_map(|piece| piece.as_bytes().to_vec()),
        2 => "\\PC{0,6}".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..3),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A variable that may be a setting, with any value.
fn any_variable() -> impl Strategy<Value = (String, String)> {
    let names = crate::known_settings()
        .into_iter()
        .map(|setting| setting.variable());
    let names: Vec<String> = names.collect();
    let suffix = select(vec!["", "", "", "", "_FILE", "_", "__", ".", "__X"]);
    let known = (select(names), suffix).prop_map(|(name, suffix)| name + suffix);
    let name = prop_oneof![
        8 => known,
        1 => select(vec!["DATABASE_URL".to_owned(), "DATABASE_URL_FILE".to_owned(), "TANDEM_CONFIG_FILE".to_owned()]),
        1 => "TANDEM_\\PC{0,16}",
    ];
    let value = prop_oneof![
        "\\PC{0,12}",
        "[0-9]{1,30}(ms|s|m|h|d)?",
        "(postgres|http|https)://\\PC{0,20}",
        "[a-z,:./0-9]{0,20}",
    ];
    (name, value)
}

#[test]
fn no_content_causes_a_panic_or_shows_a_secret() {
    let folder = folder("chaos");
    let strategy = (
        any_binary(),
        pieces(&DOT_ENV),
        pieces(&TOML),
        vec(any::<u8>(), 0..40),
        vec(any_variable(), 0..8),
    );
    proptest!(cases(), |((binary, dot_env, toml, named, variables) in strategy)| {
        put(&folder.join(".env"), &dot_env);
        put(&folder.join("t.toml"), &toml);
        put(&folder.join("named"), &named);
        let mut environment = variables;
        let named = folder.join("named").display().to_string();
        environment.push(("TANDEM_LOG__FORMAT_FILE".to_owned(), named));
        if !toml.is_empty() {
            environment.push(("TANDEM_CONFIG".to_owned(), "t.toml".to_owned()));
        }
        let shown = match binary.load(&folder, environment) {
            Ok(listing) => format!("{listing}{listing:?}"),
            Err(problems) => {
                let lines = problems.to_string();
                prop_assert_eq!(lines.lines().count(), problems.iter().count(), "one line each");
                format!("{lines}{problems:?}")
            }
        };
        prop_assert!(!shown.contains(MARKER), "{}", shown);
    });
    fs::remove_dir_all(folder).unwrap();
}
