//! The paths that the gateway serves: its pages, and which RPCs belong to which service. No other file contains them.

use http::Method;

/// Name, version and services.
pub(crate) const INFO: &str = "/";
/// The console: [`APP_FOLDER`] and the paths below it.
pub(crate) const APP: &str = "/app";
/// The page of the console.
pub(crate) const APP_FOLDER: &str = "/app/";
/// The files of the console, and the addresses of its pages.
pub(crate) const APP_FILES: &str = "/app/{*path}";
/// Whether both services are ready.
pub(crate) const HEALTH: &str = "/health";
/// The keys that verify access tokens.
pub(crate) const JWKS: &str = "/.well-known/jwks.json";
/// The metadata of the issuer (RFC 8414). The path of the issuer's URL follows it.
pub(crate) const METADATA: &str = "/.well-known/oauth-authorization-server";

/// The description of all RPCs.
pub(crate) const CONNECT_OPENAPI: &str = "/connect/openapi.json";
/// The RPC that gives the same keys.
pub(crate) const GET_KEYS: &str = "/tandem.auth.v1.AuthService/GetJsonWebKeySet";
/// Whose token it is.
pub(crate) const PROTECTED: &str = "/protected";
/// The other routes of the REST API.
pub(crate) const TASKS: &str = "/api/tasks";
pub(crate) const TASK: &str = "/api/tasks/{task_id}";
pub(crate) const SIGN_UP: &str = "/api/auth/sign-up";
pub(crate) const SIGN_IN: &str = "/api/auth/sign-in";
pub(crate) const REFRESH: &str = "/api/auth/refresh";
pub(crate) const SIGN_OUT: &str = "/api/auth/sign-out";
/// The description of the REST API.
pub(crate) const OPENAPI: &str = "/openapi.json";
/// That description for people.
pub(crate) const DOCS: &str = "/docs";
/// The files of that page.
pub(crate) const DOCS_FILES: &str = "/docs/{*file}";

/// Every proto package of the services begins with this.
const PACKAGES: &str = "tandem.";
const AUTH_PACKAGE: &str = "tandem.auth.v1.";
const TASK_PACKAGE: &str = "tandem.task.v1.";

/// The services that are for everybody. The others are for administrators and for backends, and are offered only if a setting
/// says so; so is a service that is added to a package.
const FOR_EVERYBODY: [&str; 3] = [
    "tandem.auth.v1.AuthService",
    "tandem.auth.v1.AccountService",
    "tandem.task.v1.TaskService",
];

/// Whether this is a path of the REST API.
pub(crate) fn is_rest(path: &str) -> bool {
    path == PROTECTED || path == "/api" || path.starts_with("/api/")
}

/// The route of the REST API that serves this path.
pub(crate) fn rest_route(path: &str) -> Option<&'static str> {
    const FIXED: [&str; 6] = [PROTECTED, TASKS, SIGN_UP, SIGN_IN, REFRESH, SIGN_OUT];
    let fixed = FIXED.into_iter().find(|route| *route == path);
    let is_task = |id: &str| !id.is_empty() && !id.contains('/');
    fixed.or_else(|| {
        let id = path.strip_prefix(TASKS)?.strip_prefix('/')?;
        is_task(id).then_some(TASK)
    })
}

/// Whether this is a path of the documents of the REST API.
pub(crate) fn is_docs(path: &str) -> bool {
    path == OPENAPI || path == DOCS || path.starts_with("/docs/")
}

/// A service behind the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Auth,
    Task,
}

impl Service {
    /// The service that serves the RPC at this path. Its proto package decides. The version and the dot after it are
    /// compared too, so `tandem.task.v10` does not reach the service of `tandem.task.v1`.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let rpc = path.strip_prefix('/')?;
        if rpc.starts_with(AUTH_PACKAGE) {
            Some(Self::Auth)
        } else if rpc.starts_with(TASK_PACKAGE) {
            Some(Self::Task)
        } else {
            None
        }
    }
}

/// Whether this is the path of the metadata of some issuer.
pub(crate) fn is_metadata(path: &str) -> bool {
    let issuer = path.strip_prefix(METADATA);
    issuer.is_some_and(|issuer| issuer.is_empty() || issuer.starts_with('/'))
}

/// Whether a service of this full name is one of this project's own, not infrastructure such as gRPC health.
pub(crate) fn is_own_service(name: &str) -> bool {
    name.starts_with(PACKAGES)
}

/// Whether a service of this full name is for everybody.
pub(crate) fn is_for_everybody(service: &str) -> bool {
    FOR_EVERYBODY.contains(&service)
}

/// The full name of the service of the RPC at this path.
pub(crate) fn service_name(path: &str) -> &str {
    let rpc = path.trim_start_matches('/');
    rpc.split_once('/').map_or(rpc, |(service, _)| service)
}

/// Whether this request has the form of a call of an RPC, of any version, whether or not the RPC exists.
pub(crate) fn is_call(method: &Method, path: &str) -> bool {
    [Method::POST, Method::GET].contains(method)
        && path.strip_prefix('/').is_some_and(is_own_service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_rest_has_one_route() {
        for (path, route) in [
            ("/api/tasks", Some(TASKS)),
            ("/api/tasks/0193c8a4", Some(TASK)),
            ("/api/tasks/%ff", Some(TASK)),
            ("/protected", Some(PROTECTED)),
            ("/api/auth/refresh", Some(REFRESH)),
            ("/api/tasks/", None),
            ("/api/tasks/a/b", None),
            ("/api/tasksx", None),
            ("/api", None),
            ("/", None),
        ] {
            assert_eq!(rest_route(path), route, "{path}");
        }
    }

    #[test]
    fn the_package_decides_which_service_serves_a_path() {
        let of = Service::of;
        assert_eq!(
            of("/tandem.auth.v1.AuthService/SignIn"),
            Some(Service::Auth)
        );
        assert_eq!(
            of("/tandem.task.v1.TaskService/GetTask"),
            Some(Service::Task)
        );
        for other in [
            "/",
            "/tandem.task.v10.TaskService/GetTask",
            "tandem.task.v1.X/Y",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
