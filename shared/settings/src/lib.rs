//! Settings: where they come from, how they are read, and how all their problems are reported at once.
//!
//! Layers, later ones win: the `default.toml`s embedded in the binary, values that the program generated, the TOML file
//! that `TANDEM_CONFIG` names, `.env` in the working directory, the environment. In the last two a setting `auth.access_ttl`
//! is named `TANDEM_AUTH__ACCESS_TTL`. Three rules more:
//!
//! * `NAME_FILE` (in a file `name_file`) reads the value of `NAME` from the file it names, without its trailing newline;
//! * `DATABASE_URL` stands for every `<section>.database.url` that is not set itself;
//! * an empty value (`NAME=`) leaves an optional setting unset.
//!
//! A binary reads each setting by itself ([`Settings::get`] and the other reading methods), so one wrong value does not hide the
//! next. [`Settings::finish`] adds the unknown keys and returns the configuration or every [`SettingProblem`].
//!
//! A section is read by the crate that it configures. This crate knows no section.
//!
//! The `default.toml` of the crate that reads a setting says what it means; the code says which values it takes
//! ([`Settings::facts`]). `docs/configuration.md` and `.env.example` are generated from the two.
//!
//! Secrets have no default, are refused when weak, and appear in no message: the parser of a secret can only fail with a
//! [`SecretError`], which cannot hold the text.

mod addresses;
mod facts;
mod files;
mod layers;
mod listing;
mod lookup;
mod names;
mod partial;
mod problems;
mod provenance;
mod secrets;
mod settings;
mod source;
mod unknown;
mod values;

pub use addresses::WebOrigin;
pub use facts::SettingFacts;
pub use listing::Listing;
pub use partial::load_part;
pub use problems::{EX_CONFIG, Problems, SettingProblem};
pub use provenance::Provenance;
pub use secrets::{KeyMaterial, SecretError, refuse_placeholder, secret_bytes};
pub use settings::Settings;
pub use source::{Source, process_environment};
pub use values::{Bounded, Setting};
