//! Problems of TLS settings are reported at once, with the setting and never with a key.

use http::Uri;
use settings::{Problems, Settings, Source};
use testing::certificates::{Authority, Folder, Issued};
use tls::{Protocols, listener_tls, upstream_tls};

use crate::{empty_directory, lines};

const DEFAULTS: &str = "[auth.tls]\nreload_every = \"10s\"\n";

/// Settings below `auth.tls` and their values.
type Pairs<'a> = &'a [(&'a str, &'a str)];

fn load(pairs: Pairs<'_>, upstream: &str) -> Result<(bool, bool), Problems> {
    let set =
        |(name, value): &(&str, &str)| (format!("TANDEM_AUTH__TLS__{name}"), (*value).to_owned());
    let mut settings = Settings::load(Source {
        defaults: &[telemetry::settings::DEFAULTS, DEFAULTS],
        sections: &["auth"],
        generated: Vec::new(),
        directory: empty_directory(),
        environment: pairs.iter().map(set).collect(),
    });
    let _of_every_binary = (
        telemetry::logs::log(&mut settings),
        telemetry::settings::telemetry(&mut settings),
    );
    let upstream: [Uri; 1] = [upstream.parse().unwrap()];
    let listener = listener_tls(&mut settings, "auth", Protocols::Http2);
    let upstreams = [("auth.upstream", Some(upstream.as_slice()))];
    let client = upstream_tls(&mut settings, "auth", &upstreams);
    settings.finish(|| Some((listener?.is_some(), client?.is_some())))
}

fn identity(folder: &Folder, name: &str, issued: &Issued) -> (String, String) {
    let (certificate, key) = folder.write_identity(name, issued);
    (
        certificate.to_str().unwrap().to_owned(),
        key.to_str().unwrap().to_owned(),
    )
}

#[test]
fn no_files_mean_plaintext_and_a_certificate_with_its_key_means_tls() {
    assert_eq!(load(&[], "http://a").unwrap(), (false, false));
    let (authority, folder) = (Authority::new("a"), Folder::new());
    let ca = folder.write("ca.pem", &authority.pem());
    let ca = ca.to_str().unwrap();
    let (certificate, key) = identity(&folder, "one", &authority.issue(&["one"]));
    let pair = [("CERTIFICATE", certificate.as_str()), ("KEY", &key)];
    assert_eq!(load(&pair, "http://a").unwrap(), (true, false));
    let all = [pair.as_slice(), &[("CLIENT_CA", ca), ("UPSTREAM_CA", ca)]].concat();
    assert_eq!(load(&all, "https://a").unwrap(), (true, true));
}

#[test]
fn what_belongs_together_must_be_set_together() {
    let cases: [(Pairs<'_>, &str, &str); 6] = [
        (
            &[("CERTIFICATE", "a")],
            "http://a",
            "auth.tls.key: is required by auth.tls.certificate",
        ),
        (
            &[("KEY", "a")],
            "http://a",
            "auth.tls.certificate: is required by auth.tls.key",
        ),
        (
            &[("CLIENT_CA", "a")],
            "http://a",
            "auth.tls.certificate: is required by auth.tls.client_ca",
        ),
        (
            &[("UPSTREAM_KEY", "a")],
            "http://a",
            "auth.tls.upstream_certificate: is required by auth.tls.upstream_key",
        ),
        (
            &[("UPSTREAM_CERTIFICATE", "a"), ("UPSTREAM_KEY", "a")],
            "http://a",
            "auth.tls.upstream_ca: is required by auth.tls.upstream_certificate",
        ),
        (
            &[],
            "https://a",
            "auth.tls.upstream_ca: is required by auth.upstream, which is https",
        ),
    ];
    for (pairs, upstream, reported) in cases {
        let problems = lines(&load(pairs, upstream).unwrap_err());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(reported), "{problems:?}");
    }
}

#[test]
fn every_wrong_file_is_reported_in_one_run() {
    let (authority, folder) = (Authority::new("a"), Folder::new());
    let (certificate, _) = identity(&folder, "one", &authority.issue(&["one"]));
    let (_, foreign) = identity(&folder, "two", &authority.issue(&["two"]));
    let empty = folder.write("empty.pem", "");
    let empty = empty.to_str().unwrap();
    let problems = load(
        &[
            ("CERTIFICATE", certificate.as_str()),
            ("KEY", &foreign),
            ("CLIENT_CA", "/nowhere/ca.pem"),
            ("UPSTREAM_CERTIFICATE", "/nowhere/one.pem"),
            ("UPSTREAM_KEY", &certificate),
            ("UPSTREAM_CA", empty),
        ],
        "https://a",
    );
    let problems = lines(&problems.unwrap_err());
    let reported = [
        ("auth.tls.client_ca: ", "cannot be read"),
        ("auth.tls.key: ", "does not belong to the certificate"),
        ("auth.tls.upstream_ca: ", "holds no certificate in PEM"),
        ("auth.tls.upstream_certificate: ", "cannot be read"),
    ];
    assert_eq!(problems.len(), reported.len(), "{problems:?}");
    for (line, (key, what)) in problems.iter().zip(reported) {
        assert!(line.starts_with(key) && line.contains(what), "{line}");
    }
}

#[test]
fn a_key_in_place_of_its_path_is_not_shown() {
    let issued = Authority::new("a").issue(&["one"]);
    let secret = issued.key.lines().nth(1).unwrap();
    let one_line = issued.key.replace('\n', "\\n");
    let no_path = "must be the path of a file in PEM";
    for (setting, value, what) in [
        ("CERTIFICATE", &issued.key, "has more than one line"),
        ("CERTIFICATE", &one_line, no_path),
        ("CLIENT_CA", &one_line, no_path),
        ("KEY", &issued.key, no_path),
        ("UPSTREAM_KEY", &one_line, no_path),
    ] {
        let problems = load(&[(setting, value)], "http://a").unwrap_err();
        let reported = problems.to_string();
        assert!(reported.contains(what), "{reported}");
        assert!(!reported.contains(&secret[..16]), "{reported}");
    }
}
