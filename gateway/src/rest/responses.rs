//! The answers that every operation can give, for the document.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{
        ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder,
        schema::Type,
    },
};

/// Why a request failed.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only for the document")]
pub(super) struct Failure {
    detail: String,
}

/// Everything that is wrong with the fields of a request.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only for the document")]
pub(super) struct HTTPValidationError {
    detail: Vec<ValidationError>,
}

/// One thing that is wrong with a field.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only for the document")]
pub(super) struct ValidationError {
    /// `body`, `query` or `path`, then the name of the field or the place of a syntax error.
    loc: Vec<Value>,
    msg: String,
    r#type: String,
    /// What was sent. Secrets are replaced.
    #[schema(required = false)]
    input: Value,
    #[schema(required = false)]
    ctx: BTreeMap<String, Value>,
}

/// The statuses of refusals, with what they mean.
const FAILURES: [(&str, &str); 14] = [
    ("400", "The request cannot be read."),
    ("401", "Who calls is not known."),
    (
        "404",
        "There is nothing at this path, or the caller has no such task.",
    ),
    ("405", "The path has other methods; `Allow` names them."),
    ("408", "The body did not arrive in time."),
    ("409", "It is there already, or other changes came first."),
    ("413", "The body is too large."),
    ("415", "The body is not plain JSON."),
    ("422", "Fields are missing or wrong."),
    (
        "429",
        "Too many requests, or the account has too many tasks.",
    ),
    (
        "500",
        "An error of the server. The request id identifies it in the logs.",
    ),
    ("502", "A proxy on the way got no answer."),
    ("503", "A part of the server is not available."),
    ("504", "There was no answer in time."),
];

/// Those of every operation.
pub(super) struct Common;

/// Those of an operation that needs a token.
pub(super) struct Protected;

impl IntoResponses for Common {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let each = FAILURES.iter();
        each.map(|(status, text)| ((*status).to_owned(), failure(status, text).into()))
            .collect()
    }
}

impl IntoResponses for Protected {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let text = "The token does not have the scope that this needs.";
        BTreeMap::from([("403".to_owned(), failure("403", text).into())])
    }
}

fn failure(status: &str, text: &str) -> Response {
    let schema = match status {
        "422" => "HTTPValidationError",
        _ => "Failure",
    };
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema)));
    let mut response = ResponseBuilder::new()
        .description(text)
        .content("application/json", content.build());
    let header = match status {
        "401" => Some("WWW-Authenticate"),
        "405" => Some("Allow"),
        "429" | "503" => Some("Retry-After"),
        _ => None,
    };
    if let Some(name) = header {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let header = HeaderBuilder::new().schema(Some(text)).build();
        response = response.header(name, header);
    }
    response.build()
}
