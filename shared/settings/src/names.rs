//! The names of a setting: the key that people read, the flat key of the layers, and the variable.
//!
//! Layers hold flat keys, which are spelled as in the environment: `auth__access_ttl`. With nested tables a variable
//! `TANDEM_AUTH` would replace the whole section `auth`; as a flat key it is one unknown setting.

pub(crate) const CONFIG_VARIABLE: &str = "TANDEM_CONFIG";
pub(crate) const DATABASE_URL: &str = "DATABASE_URL";
const PREFIX: &str = "TANDEM_";

/// `auth.access_ttl` as a flat key: `auth__access_ttl`.
pub(crate) fn flat(key: &str) -> String {
    key.replace('.', "__")
}

/// `auth__access_ttl` as people read it: `auth.access_ttl`.
pub(crate) fn dotted(flat: &str) -> String {
    flat.replace("__", ".")
}

/// The variable that sets the setting with this flat key: `TANDEM_AUTH__ACCESS_TTL`.
pub(crate) fn variable(flat: &str) -> String {
    let name = flat.to_ascii_uppercase();
    if flat.starts_with(DATABASE_URL) {
        name
    } else {
        format!("{PREFIX}{name}")
    }
}

/// The flat key that a variable sets; None for a variable that sets no setting of these programs.
pub(crate) fn variable_key(name: &str) -> Option<String> {
    match name.strip_prefix(DATABASE_URL) {
        Some("") => return Some(DATABASE_URL.to_owned()),
        Some("_FILE") => return Some(format!("{DATABASE_URL}_file")),
        Some(_) | None => {}
    }
    let rest = name.strip_prefix(PREFIX)?;
    let is_setting = name != CONFIG_VARIABLE && !is_service_link(rest);
    is_setting.then(|| rest.to_ascii_lowercase())
}

/// Kubernetes adds `<SERVICE>_SERVICE_HOST`, `<SERVICE>_PORT_50051_TCP_ADDR` … of every Service to the environment of every
/// container. Those of a Service named `tandem-auth` begin with our prefix. None contains `__`, which every setting does.
fn is_service_link(rest: &str) -> bool {
    let link = ["SERVICE_HOST", "SERVICE_PORT", "PORT"]
        .iter()
        .any(|end| rest.ends_with(end))
        || rest.contains("SERVICE_PORT_")
        || rest.contains("PORT_") && (rest.contains("_TCP") || rest.contains("_UDP"));
    link && !rest.contains("__")
}
