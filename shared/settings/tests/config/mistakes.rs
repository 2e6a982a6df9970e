//! Mistakes that look right, or that would show a secret if they were told carelessly.

use std::fs;

use crate::{
    DEFAULTS, KEY, URL, directory_with, empty_directory, lines, load, load_in, load_pairs,
    load_with,
};

/// What is told of a TOML file.
fn told_of_file(toml: &str) -> Vec<String> {
    let directory = directory_with(&[("t.toml", toml)]);
    let environment = [
        ("TANDEM_CONFIG", "t.toml"),
        ("TANDEM_AUTH__SIGNING_KEY", KEY),
        ("DATABASE_URL", URL),
    ];
    let file = directory.join("t.toml").display().to_string();
    let told = load_in(&directory, &environment).unwrap_err();
    let told = lines(&told).into_iter();
    told.map(|line| line.replace(&file, "FILE")).collect()
}

#[test]
fn a_secret_put_where_its_file_belongs_is_not_told() {
    let environment = [
        ("TANDEM_AUTH__SIGNING_KEY_FILE", KEY),
        ("DATABASE_URL_FILE", URL),
        ("TANDEM_AUTH__LISTEN_FILE", "/nowhere/listen"),
    ];
    let told = lines(&load(&environment).unwrap_err());
    let reason = "cannot be read: No such file or directory (os error 2)";
    assert_eq!(
        told,
        [
            format!("auth.database.url: the file it names {reason} (from DATABASE_URL_FILE)"),
            format!(
                "auth.listen: the file \"/nowhere/listen\" {reason} (from TANDEM_AUTH__LISTEN_FILE)"
            ),
            format!(
                "auth.signing_key: the file it names {reason} (from TANDEM_AUTH__SIGNING_KEY_FILE)"
            ),
        ]
    );
}

#[test]
fn a_forgotten_quotation_mark_does_not_show_the_secret_of_the_next_line() {
    let dot_env =
        format!("TANDEM_AUTH__NOTE=\"mine\nTANDEM_AUTH__SIGNING_KEY={KEY}\nDATABASE_URL={URL}\"\n");
    let directory = directory_with(&[(".env", &dot_env)]);
    let told = lines(&load_in(&directory, &[]).unwrap_err());
    assert_eq!(
        told[1],
        "auth.note: \"mine\"… has more than one line (from TANDEM_AUTH__NOTE in .env)"
    );
    assert!(
        !told.concat().contains(KEY) && !told.concat().contains("hunter2"),
        "{told:?}"
    );
}

#[test]
fn a_dollar_in_dot_env_is_itself_in_single_quotes_only() {
    for (written, read) in [("'pa$$word'", "pa$$word"), ("pa$word", "pa")] {
        let directory = directory_with(&[(".env", &format!("TANDEM_AUTH__NOTE={written}\n"))]);
        let environment = [("TANDEM_AUTH__SIGNING_KEY", KEY), ("DATABASE_URL", URL)];
        let config = load_in(&directory, &environment).unwrap();
        assert_eq!(config.note.as_deref(), Some(read));
    }
}

#[test]
fn what_is_not_utf_8_is_no_value() {
    let directory = directory_with(&[]);
    let file = directory.join("note");
    fs::write(&file, b"na\xefve").unwrap();
    let told = lines(
        &load_with(&[
            // As the environment of the process gives it.
            ("TANDEM_AUTH__AUDIENCES", "one,tw\u{FFFD}"),
            ("TANDEM_AUTH__N\u{FFFD}TE", "x"),
            ("TANDEM_AUTH__NOTE_FILE", file.to_str().unwrap()),
        ])
        .unwrap_err(),
    );
    assert_eq!(
        told[0],
        "auth.audiences: is not text in UTF-8 (from TANDEM_AUTH__AUDIENCES)"
    );
    assert!(told[1].starts_with("auth.note: the file \""), "{told:?}");
    assert!(
        told[1].contains("cannot be read: stream did not contain valid UTF-8"),
        "{told:?}"
    );
    assert!(
        told[2].starts_with("auth.n\u{FFFD}te: unknown setting; did you mean auth.note?"),
        "{told:?}"
    );
    assert_eq!(told.len(), 3);
}

#[test]
fn a_file_without_an_end_is_not_read_to_it() {
    let told = lines(&load_with(&[("TANDEM_AUTH__NOTE_FILE", "/dev/zero")]).unwrap_err());
    assert_eq!(
        told,
        [
            "auth.note: the file \"/dev/zero\" cannot be read: it is larger than 1 MiB \
             (from TANDEM_AUTH__NOTE_FILE)"
        ]
    );
    let told = lines(&load_with(&[("TANDEM_CONFIG", "/dev/zero")]).unwrap_err());
    assert_eq!(
        told,
        ["config: /dev/zero cannot be read: it is larger than 1 MiB"]
    );
}

#[test]
fn a_setting_under_two_names_of_one_layer_is_told_with_all_else() {
    let told = lines(
        &load(&[
            ("TANDEM_AUTH__NOTE", "one"),
            ("TANDEM_auth__note", "two"),
            ("TANDEM_GATEWAY__LISTEN", "another binary's"),
            ("TANDEM_gateway__listen", "another binary's"),
        ])
        .unwrap_err(),
    );
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].starts_with("auth.database.url: is required"),
        "{told:?}"
    );
    assert_eq!(told[1], "auth.note: is set twice (from TANDEM_AUTH__NOTE)");
    assert!(
        told[2].starts_with("auth.signing_key: is required"),
        "{told:?}"
    );

    let toml = "[auth]\ndatabase__lanes = 1\n[auth.database]\nlanes = 2\n";
    assert_eq!(
        told_of_file(toml),
        ["auth.database.lanes: is set twice (from auth.database.lanes in FILE)"]
    );
}

#[test]
fn a_key_with_a_dot_of_its_own_is_not_a_table_and_a_key() {
    assert_eq!(
        told_of_file("\"auth.listen\" = \"127.0.0.1:1\"\n"),
        ["auth.listen: unknown setting; did you mean auth.listen? (from auth.listen in FILE)"]
    );
    assert_eq!(
        lines(&load_with(&[("TANDEM_AUTH.LISTEN", "127.0.0.1:1")]).unwrap_err()),
        ["auth.listen: unknown setting; did you mean auth.listen? (from TANDEM_AUTH.LISTEN)"]
    );
}

#[test]
fn tables_lists_of_tables_and_dates_are_no_values() {
    for toml in [
        "[auth]\nnote = 1979-05-27\n",
        "[auth]\nnote = { x = 1 }\n",
        "[auth]\nnote = [{ x = 1 }]\n",
        "[[auth]]\nnote = 'x'\n",
        "auth = 'x'\n",
        "[auth.listen]\nx = 1\n",
    ] {
        let told = told_of_file(toml);
        assert_eq!(told.len(), 1, "{toml}: {told:?}");
        assert!(told[0].starts_with("auth"), "{toml}: {told:?}");
    }
}

#[test]
fn the_deepest_and_the_longest_are_told_in_short() {
    let deep = "a.".repeat(100_000);
    assert_eq!(told_of_file(&format!("{deep}a = 1\n")).len(), 1);
    assert_eq!(
        told_of_file(&format!("a = {}\n", "[".repeat(100_000))).len(),
        1
    );

    let long = "X".repeat(100_000);
    let environment = vec![
        (format!("TANDEM_AUTH__{long}"), "1".to_owned()),
        ("TANDEM_AUTH__LISTEN".to_owned(), long.clone()),
        ("TANDEM_AUTH__AUDIENCES".to_owned(), format!("a,,{long}")),
        (
            "TANDEM_AUTH__DATABASE__LANES".to_owned(),
            "9".repeat(100_000),
        ),
        (
            "TANDEM_AUTH__ACCESS_TTL".to_owned(),
            format!("{}d", "9".repeat(100_000)),
        ),
        ("TANDEM_AUTH__SIGNING_KEY".to_owned(), KEY.to_owned()),
        ("DATABASE_URL".to_owned(), URL.to_owned()),
    ];
    let told = lines(&load_pairs(DEFAULTS, &empty_directory(), environment).unwrap_err());
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(told.iter().all(|line| line.len() < 600), "{told:?}");
}
