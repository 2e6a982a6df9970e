//! The OpenAPI document of the REST API.

use std::sync::LazyLock;

use axum::response::Response;
use http::HeaderMap;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{
    accounts,
    responses::{Failure, HTTPValidationError, ValidationError},
    tasks,
};
use crate::document::{ASK_AGAIN, Document};

/// Its handlers and types.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Tandem",
        description = "Tasks and accounts over REST. The same services are there over gRPC, gRPC-web and Connect.",
        contact(name = "Tandem", url = "https://tandem.example/"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        tasks::create, tasks::list, tasks::get, tasks::update, tasks::delete,
        accounts::sign_up, accounts::sign_in, accounts::refresh, accounts::sign_out, accounts::protected,
    ),
    components(schemas(Failure, HTTPValidationError, ValidationError)),
    tags((name = "tasks", description = "The tasks of the caller."), (name = "auth", description = "Accounts and tokens.")),
    modifiers(&Bearer),
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The `access_token` of `/api/auth/sign-in`."));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("BearerAuth", SecurityScheme::Http(scheme.build()));
    }
}

fn text() -> String {
    let text = Description::openapi().to_pretty_json();
    text.expect("the description is made of texts and numbers")
}

static DOCUMENT: LazyLock<Document> =
    LazyLock::new(|| Document::new("application/json", text().into()));

/// `GET /openapi.json`.
pub(super) async fn document(headers: HeaderMap) -> Response {
    DOCUMENT.respond(&headers, ASK_AGAIN)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::routes::rest_route;

    const STATUSES: [u16; 15] = [
        400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504,
    ];

    /// The test writes the file anew when it is out of date, and fails, so that a change of the document is seen.
    #[test]
    fn the_document_is_the_one_in_the_docs() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
        let expected = format!("{}\n", text());
        if fs::read_to_string(&path).unwrap_or_default() != expected {
            fs::write(&path, &expected).unwrap();
            panic!("docs/openapi.json was out of date; it is written anew");
        }
    }

    #[test]
    fn every_operation_has_its_own_name_and_says_how_it_fails() {
        let document: serde_json::Value = serde_json::from_str(&text()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut names = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            assert_eq!(rest_route(path), Some(path.as_str()));
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{name} occurs twice");
                for status in STATUSES {
                    let documented = operation["responses"].get(status.to_string());
                    let expected = status != 403 || operation.get("security").is_some();
                    assert_eq!(documented.is_some(), expected, "{method} {path} {status}");
                }
            }
        }
        assert_eq!(names.len(), 10);
    }
}
