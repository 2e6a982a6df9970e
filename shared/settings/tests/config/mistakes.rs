//! Mistakes that are hard to see, or whose message could show a secret.

use std::fs;

use crate::{
    DEFAULTS, KEY, URL, directory_with, empty_directory, lines, load, load_in, load_pairs,
    load_with,
};

/// The problems of a TOML file.
fn problems_of_file(toml: &str) -> Vec<String> {
    let directory = directory_with(&[("t.toml", toml)]);
    let environment = [
        ("TANDEM_CONFIG", "t.toml"),
        ("TANDEM_AUTH__SIGNING_KEY", KEY),
        ("DATABASE_URL", URL),
    ];
    let file = directory.join("t.toml").display().to_string();
    let reported = load_in(&directory, &environment).unwrap_err();
    let reported = lines(&reported).into_iter();
    reported.map(|line| line.replace(&file, "FILE")).collect()
}

#[test]
fn a_secret_in_place_of_its_file_is_not_shown() {
    let environment = [
        ("TANDEM_AUTH__SIGNING_KEY_FILE", KEY),
        ("DATABASE_URL_FILE", URL),
        ("TANDEM_AUTH__LISTEN_FILE", "/nowhere/listen"),
    ];
    let reported = lines(&load(&environment).unwrap_err());
    let reason = "cannot be read: No such file or directory (os error 2)";
    assert_eq!(
        reported,
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
fn a_missing_quotation_mark_does_not_show_the_secret_of_the_next_line() {
    let dot_env =
        format!("TANDEM_AUTH__NOTE=\"mine\nTANDEM_AUTH__SIGNING_KEY={KEY}\nDATABASE_URL={URL}\"\n");
    let directory = directory_with(&[(".env", &dot_env)]);
    let reported = lines(&load_in(&directory, &[]).unwrap_err());
    assert_eq!(
        reported[1],
        "auth.note: \"mine\"… has more than one line (from TANDEM_AUTH__NOTE in .env)"
    );
    assert!(
        !reported.concat().contains(KEY) && !reported.concat().contains("hunter2"),
        "{reported:?}"
    );
}

#[test]
fn a_dollar_in_dot_env_is_literal_only_in_single_quotes() {
    for (written, read) in [("'pa$$word'", "pa$$word"), ("pa$word", "pa")] {
        let directory = directory_with(&[(".env", &format!("TANDEM_AUTH__NOTE={written}\n"))]);
        let environment = [("TANDEM_AUTH__SIGNING_KEY", KEY), ("DATABASE_URL", URL)];
        let config = load_in(&directory, &environment).unwrap();
        assert_eq!(config.note.as_deref(), Some(read));
    }
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let directory = directory_with(&[]);
    let file = directory.join("note");
    fs::write(&file, b"na\xefve").unwrap();
    let reported = lines(
        &load_with(&[
            // The environment of the process contains replacement characters for what is not UTF-8.
            ("TANDEM_AUTH__AUDIENCES", "one,tw\u{FFFD}"),
            ("TANDEM_AUTH__N\u{FFFD}TE", "x"),
            ("TANDEM_AUTH__NOTE_FILE", file.to_str().unwrap()),
        ])
        .unwrap_err(),
    );
    assert_eq!(
        reported[0],
        "auth.audiences: is not text in UTF-8 (from TANDEM_AUTH__AUDIENCES)"
    );
    assert!(
        reported[1].starts_with("auth.note: the file \""),
        "{reported:?}"
    );
    assert!(
        reported[1].contains("cannot be read: stream did not contain valid UTF-8"),
        "{reported:?}"
    );
    assert!(
        reported[2].starts_with("auth.n\u{FFFD}te: unknown setting; did you mean auth.note?"),
        "{reported:?}"
    );
    assert_eq!(reported.len(), 3);
}

#[test]
fn a_file_without_an_end_is_refused_as_too_large() {
    let reported = lines(&load_with(&[("TANDEM_AUTH__NOTE_FILE", "/dev/zero")]).unwrap_err());
    assert_eq!(
        reported,
        [
            "auth.note: the file \"/dev/zero\" cannot be read: it is larger than 1 MiB \
             (from TANDEM_AUTH__NOTE_FILE)"
        ]
    );
    let reported = lines(&load_with(&[("TANDEM_CONFIG", "/dev/zero")]).unwrap_err());
    assert_eq!(
        reported,
        ["config: /dev/zero cannot be read: it is larger than 1 MiB"]
    );
}

#[test]
fn a_setting_under_two_names_of_one_layer_is_reported_with_the_other_problems() {
    let reported = lines(
        &load(&[
            ("TANDEM_AUTH__NOTE", "one"),
            ("TANDEM_auth__note", "two"),
            ("TANDEM_GATEWAY__LISTEN", "another binary's"),
            ("TANDEM_gateway__listen", "another binary's"),
        ])
        .unwrap_err(),
    );
    assert_eq!(reported.len(), 3, "{reported:?}");
    assert!(
        reported[0].starts_with("auth.database.url: is required"),
        "{reported:?}"
    );
    assert_eq!(
        reported[1],
        "auth.note: is set twice (from TANDEM_AUTH__NOTE)"
    );
    assert!(
        reported[2].starts_with("auth.signing_key: is required"),
        "{reported:?}"
    );

    let toml = "[auth]\ndatabase__lanes = 1\n[auth.database]\nlanes = 2\n";
    assert_eq!(
        problems_of_file(toml),
        ["auth.database.lanes: is set twice (from auth.database.lanes in FILE)"]
    );
}

#[test]
fn a_key_with_a_dot_of_its_own_is_not_a_table_and_a_key() {
    assert_eq!(
        problems_of_file("\"auth.listen\" = \"127.0.0.1:1\"\n"),
        ["auth.listen: unknown setting; did you mean auth.listen? (from auth.listen in FILE)"]
    );
    assert_eq!(
        lines(&load_with(&[("TANDEM_AUTH.LISTEN", "127.0.0.1:1")]).unwrap_err()),
        ["auth.listen: unknown setting; did you mean auth.listen? (from TANDEM_AUTH.LISTEN)"]
    );
}

#[test]
fn tables_lists_of_tables_and_dates_are_refused() {
    for toml in [
        "[auth]\nnote = 1979-05-27\n",
        "[auth]\nnote = { x = 1 }\n",
        "[auth]\nnote = [{ x = 1 }]\n",
        "[[auth]]\nnote = 'x'\n",
        "auth = 'x'\n",
        "[auth.listen]\nx = 1\n",
    ] {
        let reported = problems_of_file(toml);
        assert_eq!(reported.len(), 1, "{toml}: {reported:?}");
        assert!(reported[0].starts_with("auth"), "{toml}: {reported:?}");
    }
}

#[test]
fn the_messages_for_very_deep_and_very_long_input_are_short() {
    let deep = "a.".repeat(100_000);
    assert_eq!(problems_of_file(&format!("{deep}a = 1\n")).len(), 1);
    assert_eq!(
        problems_of_file(&format!("a = {}\n", "[".repeat(100_000))).len(),
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
    let reported = lines(&load_pairs(DEFAULTS, &empty_directory(), environment).unwrap_err());
    assert_eq!(reported.len(), 5, "{reported:?}");
    assert!(reported.iter().all(|line| line.len() < 600), "{reported:?}");
}
