//! Settings: where they come from, how they are read, and how everything wrong with them is said at once.
//!
//! Layers, later ones win: the `default.toml` embedded in the binary, values the program made for itself, the TOML file
//! named by `TANDEM_CONFIG`, `.env` in the working directory, the environment. In the last two a setting `auth.access_ttl`
//! is named `TANDEM_AUTH__ACCESS_TTL`. Three conveniences:
//!
//! * `NAME_FILE` (in a file `name_file`) reads the value of `NAME` from the file it names, without its trailing newline;
//! * `DATABASE_URL` stands for every `<section>.database.url` that is not set itself;
//! * a value set to nothing (`NAME=`) leaves an optional setting unset.
//!
//! A binary reads each setting by itself ([`Settings::get`] and its siblings), so one wrong value does not hide the next;
//! [`Settings::finish`] adds the keys nobody asked for and answers with the configuration or with every [`Problem`].
//!
//! What a setting means is said in the `default.toml` of its crate, what it takes by the code that reads it
//! ([`Settings::asked`]); `docs/configuration.md` and `.env.example` are generated from the two.
//!
//! Secrets have no default, are refused when weak, and appear in no message: the parser of a secret can only fail with a
//! [`Weakness`], which has no room for the text.

mod addresses;
mod asked;
mod files;
mod layers;
mod listing;
mod lookup;
mod names;
mod part;
mod problems;
mod provenance;
mod secrets;
mod settings;
mod source;
mod unknown;
mod values;

pub use addresses::WebOrigin;
pub use asked::Asked;
pub use listing::Listing;
pub use part::load_part;
pub use problems::{EX_CONFIG, Problem, Problems, exit_with};
pub use provenance::Provenance;
pub use secrets::{KeyMaterial, Weakness, refuse_placeholder, secret_bytes};
pub use settings::Settings;
pub use source::{Source, process_environment};
pub use values::{Bounded, Setting};
