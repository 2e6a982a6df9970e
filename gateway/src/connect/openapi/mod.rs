//! `GET /connect/openapi.json`: every unary RPC as JSON over HTTP, described by OpenAPI 3.1, for tools that make clients of it. It is
//! generated from the descriptors; the comments of the protos are its texts.

mod comments;
mod schema;

use axum::{extract::State, response::Response};
use contract::proto::common::{Access, AccessLevel};
use http::HeaderMap;
use prost::Message as _;
use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor, Value as ProtoValue};
use serde_json::{Map, Value, json};

use self::{comments::Comments, schema::Schemas};
use crate::{
    document::{ASK_AGAIN, Document},
    routes::is_own_service,
    rpc_catalog::Rpc,
    state::GatewayState,
};

/// The name of the schema of errors.
const ERROR: &str = "connect.Error";

/// The description of the services that this gateway offers.
pub(crate) async fn page(State(state): State<GatewayState>, headers: HeaderMap) -> Response {
    let description = state.connect_description.get_or_init(|| {
        let document = document(state.catalog.pool(), |service| state.offers(service));
        Document::new("application/json", document.to_string().into())
    });
    description.respond(&headers, ASK_AGAIN)
}

/// The document for the services that are offered.
fn document(pool: &DescriptorPool, offered: impl Fn(&str) -> bool) -> Value {
    let comments = Comments::of(pool);
    let mut schemas = Schemas::new(&comments);
    let mut paths = Map::new();
    let mut tags = Vec::new();
    let is_described = |service: &ServiceDescriptor| {
        is_own_service(service.full_name()) && offered(service.full_name())
    };
    for service in pool.services().filter(is_described) {
        tags.push(json!({
            "name": service.full_name(),
            "description": comments.get(&service.parent_file(), service.path()),
        }));
        for method in service.methods() {
            let rpc = Rpc::new(&method);
            if !rpc.streaming {
                let operations = operations(&method, &rpc, &comments);
                paths.insert(rpc.path, operations);
                schemas.add(&method.input());
                schemas.add(&method.output());
            }
        }
    }
    let mut schemas = schemas.finish();
    schemas.insert(ERROR.to_owned(), schema::error());
    json!({
        "openapi": "3.1.0",
        "info": info(),
        "tags": tags,
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": security_schemes() },
    })
}

fn info() -> Value {
    json!({
        "title": "Tandem RPCs",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Every unary RPC in the Connect protocol, with JSON. A field that has its default value (an empty string, \
            false, zero, an empty list) is not in an answer. In a request, null stands for a field that is not set; an answer has no \
            null. Streams are not described here.",
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    })
}

fn security_schemes() -> Value {
    json!({
        "accessToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The access token of a session or of an API key. Its scopes say what it may do.",
        },
        "serviceSecret": {
            "type": "http",
            "scheme": "bearer",
            "description": "The secret that verifiers share with the auth service.",
        },
    })
}

/// By POST, and by GET if there are no side effects.
fn operations(method: &MethodDescriptor, rpc: &Rpc, comments: &Comments) -> Value {
    let mut post = operation(method, comments, method.name());
    post["requestBody"] = json!({
        "required": true,
        "content": { "application/json": { "schema": schema::reference(&rpc.input) } },
    });
    let mut operations = json!({ "post": post });
    if rpc.no_side_effects {
        let mut get = operation(method, comments, &format!("{}ByGet", method.name()));
        get["parameters"] = query_parameters(rpc);
        operations["get"] = get;
    }
    operations
}

fn operation(method: &MethodDescriptor, comments: &Comments, name: &str) -> Value {
    let service = method.parent_service();
    let text = comments.get(&method.parent_file(), method.path());
    let summary = text.split_terminator(". ").next().unwrap_or_default();
    let summary = summary.lines().next().unwrap_or_default();
    json!({
        "operationId": format!("{}_{name}", service.name()),
        "tags": [service.full_name()],
        "summary": summary,
        "description": text,
        "security": security(method),
        "responses": {
            "200": {
                "description": "The call has succeeded.",
                "content": { "application/json": { "schema": schema::reference(&method.output()) } },
            },
            "405": {
                "description": "The RPC is not called by this method of HTTP. There is no body.",
                "headers": { "Allow": { "schema": { "type": "string" } } },
            },
            "415": {
                "description": "The request has another content type or encoding. There is no body.",
                "headers": { "Accept-Post": { "schema": { "type": "string" } } },
            },
            "default": {
                "description": "The call has failed. The HTTP status follows from the code.",
                "content": { "application/json": { "schema": schema::reference_by_name(ERROR) } },
            },
        },
    })
}

fn query_parameters(rpc: &Rpc) -> Value {
    json!([
        {
            "name": "encoding",
            "in": "query",
            "required": true,
            "schema": { "const": "json" },
        },
        {
            "name": "message",
            "in": "query",
            "required": true,
            "description": "The request as JSON.",
            "content": { "application/json": { "schema": schema::reference(&rpc.input) } },
        },
        {
            "name": "connect",
            "in": "query",
            "schema": { "const": "v1" },
        },
    ])
}

/// What the access option of the RPC demands.
fn security(method: &MethodDescriptor) -> Value {
    let access =
        access(method).expect("every RPC declares its access: services do not start otherwise");
    match access.level() {
        AccessLevel::Unspecified | AccessLevel::Public => json!([]),
        AccessLevel::User => json!([{ "accessToken": [access.scope] }]),
        AccessLevel::Admin => json!([{ "accessToken": ["admin"] }]),
        AccessLevel::Service => json!([{ "serviceSecret": [] }]),
    }
}

fn access(method: &MethodDescriptor) -> Option<Access> {
    let pool = method.parent_pool();
    let extension = pool.get_extension_by_name("tandem.common.v1.access")?;
    let options = method.options();
    let ProtoValue::Message(access) = &*options.get_extension(&extension) else {
        return None;
    };
    Access::decode(&*access.encode_to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use crate::rpc_catalog::RpcCatalog;

    /// `docs/connect-openapi.json` describes every RPC. If it is not current, this test writes it and fails.
    #[test]
    fn the_description_in_the_documentation_is_current() {
        let document = super::document(RpcCatalog::from_descriptors().pool(), |_| true);
        let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/connect-openapi.json");
        if fs::read_to_string(&path).unwrap_or_default() != text {
            fs::write(&path, text).unwrap();
            panic!("{} was not current and is now: review it", path.display());
        }
    }

    #[test]
    fn what_is_not_offered_is_not_described() {
        let catalog = RpcCatalog::from_descriptors();
        let document = super::document(catalog.pool(), |service| service.ends_with(".TaskService"));
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.contains_key("/tandem.task.v1.TaskService/CreateTask"));
        assert!(
            paths
                .keys()
                .all(|path| path.starts_with("/tandem.task.v1.TaskService/"))
        );
    }
}
