//! The REST API of tasks and accounts, with the paths, bodies and errors of a FastAPI service, over the same RPCs as every other
//! protocol.
//!
//! It is only a form of those RPCs: bodies are read and checked here as pydantic does, and every rule beyond that is the rule of a
//! service, which also judges the token: before the body, although the body is read before. Cookies are never read or set.

mod accounts;
mod body;
mod client;
mod credentials;
mod docs;
mod fields;
mod openapi;
mod problem;
mod refusal;
mod responses;
mod task;
mod tasks;
mod time;
mod violation;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodRouter, any, get, post},
};
use http::{HeaderValue, StatusCode, Uri, header};
use transport::connections::ReceiveBy;

use self::problem::Problem;
pub(crate) use self::problem::REASON;
use crate::{calls::Exchange, routes, state::GatewayState};

/// The routes of the API, and of its documents.
pub(crate) fn router(state: &GatewayState) -> Router<GatewayState> {
    let paths = [
        (routes::PROTECTED, get(accounts::protected)),
        (routes::TASKS, get(tasks::list).post(tasks::create)),
        (
            routes::TASK,
            get(tasks::get).put(tasks::update).delete(tasks::delete),
        ),
        (routes::SIGN_UP, post(accounts::sign_up)),
        (routes::SIGN_IN, post(accounts::sign_in)),
        (routes::REFRESH, post(accounts::refresh)),
        (routes::SIGN_OUT, post(accounts::sign_out)),
        (routes::OPENAPI, get(openapi::document)),
        (routes::DOCS, get(docs::page)),
    ];
    let add = |router: Router<GatewayState>,
               (path, methods): (&str, MethodRouter<GatewayState>)| {
        let without_slash = router.route(path, methods.fallback(method_not_allowed));
        without_slash.route(&format!("{path}/"), any(without_trailing_slash))
    };
    let files = get(docs::file).fallback(method_not_allowed);
    let others = [
        (routes::DOCS_FILES, files),
        ("/api", any(nothing)),
        ("/api/", any(nothing)),
        ("/api/{*rest}", any(nothing)),
    ];
    let bound = middleware::from_fn_with_state(state.clone(), bound);
    let router = paths.into_iter().fold(Router::new(), add);
    let add = |router: Router<GatewayState>,
               (path, methods): (&str, MethodRouter<GatewayState>)| {
        router.route(path, methods)
    };
    others.into_iter().fold(router, add).route_layer(bound)
}

async fn nothing() -> Problem {
    Problem::nothing_here()
}

async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

/// A 307, which keeps the method and the body. The place has no host, so that no header of a request can choose one.
async fn without_trailing_slash(uri: Uri) -> Response {
    let path = uri.path().trim_end_matches('/');
    let query = uri.query().map(|query| format!("?{query}"));
    let place = format!("{path}{}", query.unwrap_or_default());
    let place = HeaderValue::try_from(place).expect("the text of a URI is a header value");
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, place)]).into_response()
}

/// Answers are for one client, unless they say otherwise. That client has as long to receive one as for a call, and until then the
/// answer holds the place of its calls.
async fn bound(State(state): State<GatewayState>, mut request: Request, next: Next) -> Response {
    let exchange = Exchange::new(&state);
    let end = exchange
        .begin_by
        .checked_add(state.config.calls.answer_grace);
    request.extensions_mut().insert(exchange.clone());
    let mut answer = exchange.hold(next.run(request).await);
    let headers = answer.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    answer.extensions_mut().insert(ReceiveBy {
        end,
        streaming: false,
    });
    answer
}
