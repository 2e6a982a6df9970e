//! The OpenAPI document of the REST API.

use std::ops::RangeInclusive;

use api::{bounds, text};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        RefOr, Schema,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{
    accounts, credentials,
    responses::{Failure, HTTPValidationError, ValidationError},
    tasks,
};
use crate::{
    contact::{self, Contact},
    document::{ASK_AGAIN, Document},
    state::GatewayState,
};

/// Its handlers and types.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Tandem",
        description = "Tasks and accounts over REST. The same services are there over gRPC, gRPC-web and Connect.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        tasks::create, tasks::list, tasks::get, tasks::update, tasks::delete,
        accounts::sign_up, accounts::sign_in, accounts::refresh, accounts::sign_out, accounts::protected,
    ),
    components(schemas(Failure, HTTPValidationError, ValidationError)),
    tags((name = "tasks", description = "The tasks of the caller."), (name = "auth", description = "Accounts and tokens.")),
    modifiers(&Bearer, &Texts),
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

/// The bounds and patterns of texts, from where the services have them.
struct Texts;

impl Modify for Texts {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut describe = |schema: &str, field: &str, lengths: RangeInclusive<usize>, pattern| {
            let components = document.components.as_mut();
            let schema = components.and_then(|all| all.schemas.get_mut(schema));
            let Some(RefOr::T(Schema::Object(schema))) = schema else {
                panic!("there is a schema of this name");
            };
            let Some(RefOr::T(Schema::Object(text))) = schema.properties.get_mut(field) else {
                panic!("it has a text of this name");
            };
            text.min_length = Some(*lengths.start()).filter(|least| *least > 0);
            text.max_length = Some(*lengths.end());
            text.pattern = pattern;
        };
        describe("Task", "title", bounds::TITLE, None);
        describe("Task", "description", bounds::DESCRIPTION, None);
        for schema in ["TaskCreate", "TaskUpdate"] {
            let (line, block) = (text::line_pattern(), text::block_pattern());
            describe(schema, "title", bounds::TITLE, Some(line));
            describe(schema, "description", bounds::DESCRIPTION, Some(block));
        }
        for schema in ["SignUp", "SignIn", "Refresh"] {
            let pattern = credentials::TAG_PATTERN.to_owned();
            let lengths = credentials::TAG_LENGTHS;
            describe(schema, "attempt_tag", lengths, Some(pattern));
        }
    }
}

fn description(contact: Option<&Contact>) -> String {
    let mut description = Description::openapi();
    let mut shown = utoipa::openapi::Contact::new();
    shown.name = Some(contact::NAME.to_owned());
    match contact {
        Some(Contact::Page(url)) => shown.url = Some(url.clone()),
        Some(Contact::Email(address)) => shown.email = Some(address.clone()),
        None => {}
    }
    description.info.contact = Some(shown);
    let text = description.to_pretty_json();
    text.expect("the description is made of texts and numbers")
}

/// `GET /openapi.json`.
pub(super) async fn document(State(state): State<GatewayState>, headers: HeaderMap) -> Response {
    let document = state.rest_description.get_or_init(|| {
        let text = description(state.config.contact.as_ref());
        Document::new("application/json", text.into())
    });
    document.respond(&headers, ASK_AGAIN)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use serde_json::json;

    use super::*;
    use crate::routes::rest_route;

    const STATUSES: [u16; 15] = [
        400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504,
    ];

    /// The test writes the file anew when it is out of date, and fails, so that a change of the document is seen.
    #[test]
    fn the_document_is_the_one_in_the_docs() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
        let expected = format!("{}\n", description(None));
        if fs::read_to_string(&path).unwrap_or_default() != expected {
            fs::write(&path, &expected).unwrap();
            panic!("docs/openapi.json was out of date; it is written anew");
        }
    }

    #[test]
    fn every_operation_has_its_own_name_and_says_how_it_fails() {
        let document: serde_json::Value = serde_json::from_str(&description(None)).unwrap();
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

    #[test]
    fn the_contact_is_the_name_of_the_project_and_what_the_setting_says() {
        let page = Contact::Page("https://example.com/help".to_owned());
        let email = Contact::Email("api@example.com".to_owned());
        for (contact, expected) in [
            (None, json!({ "name": "Tandem" })),
            (
                Some(&page),
                json!({ "name": "Tandem", "url": "https://example.com/help" }),
            ),
            (
                Some(&email),
                json!({ "name": "Tandem", "email": "api@example.com" }),
            ),
        ] {
            let document: serde_json::Value = serde_json::from_str(&description(contact)).unwrap();
            assert_eq!(document["info"]["contact"], expected);
            for name in ["title", "description", "version"] {
                assert!(document["info"][name].is_string(), "{name}");
            }
        }
    }
}
