//! The layers of crates, and the picture of them in ARCHITECTURE.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use architecture::{crates, root};

/// Every crate of the workspace with the crates it may use: only those above it. `standalone`, `bench` and the two crates for
/// tests are the top; nothing that is deployed uses them.
const LAYERS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("contract", &[]),
    ("api", &["contract"]),
    ("settings", &[]),
    ("telemetry", &["contract", "settings"]),
    ("tls", &["clock", "settings", "telemetry"]),
    ("transport", &["settings", "telemetry", "tls"]),
    ("database", &["contract", "settings", "telemetry"]),
    (
        "verifier",
        &["api", "clock", "contract", "telemetry", "tls"],
    ),
    (
        "serving",
        &[
            "api",
            "clock",
            "contract",
            "settings",
            "telemetry",
            "tls",
            "transport",
            "verifier",
        ],
    ),
    (
        "auth-service",
        &[
            "api",
            "clock",
            "contract",
            "database",
            "serving",
            "settings",
            "telemetry",
            "tls",
            "transport",
            "verifier",
        ],
    ),
    (
        "task-service",
        &[
            "api",
            "clock",
            "contract",
            "database",
            "serving",
            "settings",
            "telemetry",
            "tls",
            "transport",
            "verifier",
        ],
    ),
    (
        "gateway",
        &[
            "api",
            "clock",
            "contract",
            "serving",
            "settings",
            "telemetry",
            "tls",
            "transport",
        ],
    ),
    ("embedded-postgres", &[]),
    (
        "standalone",
        &[
            "api",
            "auth-service",
            "clock",
            "contract",
            "database",
            "embedded-postgres",
            "gateway",
            "serving",
            "settings",
            "task-service",
            "telemetry",
            "tls",
            "transport",
            "verifier",
        ],
    ),
    (
        "testing",
        &[
            "api",
            "clock",
            "contract",
            "database",
            "embedded-postgres",
            "settings",
            "telemetry",
            "transport",
            "verifier",
        ],
    ),
    (
        "bench",
        &["contract", "embedded-postgres", "testing", "verifier"],
    ),
    ("connectrpc-client", &[]),
    ("architecture", &[]),
];

const PAGE: &str = "ARCHITECTURE.md";
const BEGIN: &str = "<!-- crates: drawn by docs/architecture -->\n";
const END: &str = "<!-- end of crates -->\n";

fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let row = |(name, may_use): &(&'static str, &[&'static str])| {
        (*name, may_use.iter().copied().collect())
    };
    LAYERS.iter().map(row).collect()
}

#[test]
fn a_crate_uses_only_crates_that_the_table_allows() {
    let allowed = allowed();
    for (name, used) in crates::edges() {
        let may_use = allowed.get(name.as_str());
        let may_use = may_use.unwrap_or_else(|| panic!("{name} is not in the table of layers"));
        for one in used {
            assert!(
                may_use.contains(one.as_str()),
                "{name} must not use {one}: see the table of layers in ARCHITECTURE.md"
            );
        }
    }
}

#[test]
fn the_table_allows_only_crates_above() {
    let mut above = BTreeSet::new();
    for (name, may_use) in LAYERS {
        for one in *may_use {
            assert!(above.contains(one), "{one} does not stand above {name}");
        }
        assert!(above.insert(*name), "{name} stands twice");
    }
    let known: BTreeSet<String> = crates::edges().into_keys().collect();
    for name in above {
        assert!(known.contains(name), "there is no crate {name}");
    }
}

#[test]
fn the_gateway_and_the_verifier_compile_no_database_driver() {
    for name in ["gateway", "verifier"] {
        let compiled = crates::compiled_for(name);
        assert!(compiled.contains("tokio"), "{name}: {compiled:?}");
        let driver = compiled.iter().find(|one| one.starts_with("sqlx"));
        assert_eq!(driver, None, "{name} compiles a database driver");
    }
    assert!(crates::compiled_for("task-service").contains("sqlx"));
}

#[test]
fn the_verifier_compiles_no_accept_loop() {
    let compiled = crates::compiled_for("verifier");
    for server in ["transport", "serving", "axum"] {
        assert!(!compiled.contains(server), "the verifier compiles {server}");
    }
}

#[test]
fn the_picture_of_the_crates_is_drawn_from_the_workspace() {
    let page = root().join(PAGE);
    let text = fs::read_to_string(&page).expect("ARCHITECTURE.md can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the picture has a place");
    let (_old, after) = rest.split_once(END).expect("the picture has an end");
    let expected = format!("{before}{BEGIN}{}{END}{after}", picture());
    if text != expected {
        fs::write(&page, expected).expect("ARCHITECTURE.md can be written");
        panic!(
            "the picture in ARCHITECTURE.md was out of date; it is drawn anew: review and commit it"
        );
    }
}

/// The crates as a Mermaid graph. An edge that follows from two others is left out.
fn picture() -> String {
    let mut edges = crates::edges();
    edges.retain(|name, _| !matches!(name.as_str(), "architecture" | "testing" | "bench"));
    let reaches = |from: &str, to: &str| reaches(&edges, from, to);
    let mut picture = String::from("```mermaid\ngraph TD\n");
    for (name, used) in &edges {
        for one in used {
            let follows = used.iter().any(|other| other != one && reaches(other, one));
            if !follows {
                writeln!(picture, "    {name} --> {one}").expect("a text takes any text");
            }
        }
    }
    picture.push_str("```\n");
    picture
}

fn reaches(edges: &BTreeMap<String, BTreeSet<String>>, from: &str, to: &str) -> bool {
    edges[from]
        .iter()
        .any(|one| one == to || reaches(edges, one, to))
}
