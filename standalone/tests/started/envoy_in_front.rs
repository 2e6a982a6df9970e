//! The Envoy that is shipped, in front of the services: gRPC, gRPC-web and JSON over TLS, and tokens that are checked twice.

use serde_json::{Value, json};
use testing::certificates::Authority;

use crate::{
    client_addresses::audited,
    elsewhere::forger::Forger,
    envoy::Envoy,
    https::Https,
    proxy::use_every_method,
    services::key,
    stack::Stack,
    tools::{free_port, installed, run, workspace},
};

const NAME: &str = "localhost";

/// The stack, and Envoy in front of its services.
struct Fronted {
    stack: Stack,
    _envoy: Envoy,
    https: Https,
}

impl Fronted {
    async fn start() -> Self {
        let keys = format!("1:{}", key(1));
        let stack = Stack::start_with(&[("TANDEM_AUTH__KEY_ENCRYPTION_KEYS", keys.as_str())]).await;
        let folder = testing::Folder::new();
        let authority = Authority::new("proxies");
        folder.write("ca.pem", &authority.pem());
        let (certificate, private) = folder.write_identity("tandem", &authority.issue(&[NAME]));
        let descriptors = folder.path("tandem.binpb");
        describe(descriptors.to_str().unwrap(), &folder.text());
        let addresses = stack.addresses();
        let port = free_port();
        let to = |port: u16| format!("port_value: {port}");
        let replacements = [
            ("port_value: 443", to(port)),
            ("address: 0.0.0.0", "address: 127.0.0.1".to_owned()),
            ("port_value: 50051", to(addresses.auth.port())),
            ("port_value: 50052", to(addresses.task.port())),
            ("port_value: 8080", to(addresses.gateway.port())),
            (
                "/etc/envoy/tls/tandem.crt",
                certificate.display().to_string(),
            ),
            ("/etc/envoy/tls/tandem.key", private.display().to_string()),
            ("/etc/envoy/tandem.binpb", descriptors.display().to_string()),
        ];
        Self {
            _envoy: Envoy::start("deploy/envoy/tandem.yaml", &replacements).await,
            https: Https::new(folder, NAME, port),
            stack,
        }
    }

    fn post(&self, method: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        self.https.json("127.0.0.3", method, token, body)
    }

    fn ok(&self, method: &str, token: Option<&str>, body: &Value) -> Value {
        let (status, answer) = self.post(method, token, body);
        assert_eq!(status, 200, "{method}: {answer}");
        answer
    }

    /// Signs up by JSON. Returns the account's id and the access token.
    fn sign_up(&self) -> (String, String) {
        let person =
            json!({"email": "ada@example.org", "password": "correct horse battery staple"});
        let answer = self.ok("tandem.auth.v1.AuthService/SignUp", None, &person);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (
            text(&answer["account"]["id"]),
            text(&answer["tokens"]["accessToken"]),
        )
    }
}

/// Writes the descriptors of the RPCs, as `make descriptors` does.
fn describe(path: &str, home: &str) {
    let protos = workspace().join("proto");
    let arguments = [
        "build",
        protos.to_str().unwrap(),
        "--as-file-descriptor-set",
        "--output",
        path,
    ];
    run(&installed("TEST_BUF"), &arguments, &[("HOME", home)]).stdout_of_success();
}

#[tokio::test]
async fn behind_the_shipped_envoy_every_method_works_over_grpc_and_over_grpc_web() {
    let fronted = Fronted::start().await;
    use_every_method(&fronted.stack, &fronted.https, &["grpc", "grpcweb"]);
}

#[tokio::test]
async fn behind_the_shipped_envoy_every_rpc_is_a_post_of_json() {
    let fronted = Fronted::start().await;
    let (account, token) = fronted.sign_up();
    let token = Some(token.as_str());
    let tasks = |method: &str, body: Value| {
        let method = format!("tandem.task.v1.TaskService/{method}");
        fronted.ok(&method, token, &body)
    };
    let created = tasks("CreateTask", json!({"task": {"title": "from JSON"}}));
    let id = created["task"]["id"].as_str().unwrap();
    assert_eq!(tasks("ListTasks", json!({}))["tasks"][0]["id"], id);
    let done =
        json!({"task": {"id": id, "status": "TASK_STATUS_COMPLETED"}, "updateMask": "status"});
    let updated = tasks("UpdateTask", done);
    assert_eq!(updated["task"]["status"], "TASK_STATUS_COMPLETED");
    assert_eq!(updated["task"]["title"], "from JSON");
    let deleted = tasks("DeleteTask", json!({"id": id}));
    assert!(deleted["task"]["deleteTime"].is_string(), "{deleted}");
    assert_eq!(tasks("ListTasks", json!({}))["tasks"], Value::Null);

    let method = "tandem.auth.v1.AccountService/ListSessions";
    let sessions = fronted.ok(method, token, &json!({}));
    assert_eq!(sessions["sessions"][0]["ip"], "127.0.0.3");
    assert_eq!(audited(&fronted.stack, &account).await, ["127.0.0.3"]);
}

/// The reason among the details of a refusal.
fn reason(refusal: &Value) -> &Value {
    let details = refusal["details"].as_array().into_iter().flatten();
    let mut reasons = details.map(|detail| &detail["reason"]);
    reasons
        .find(|reason| reason.is_string())
        .unwrap_or(&Value::Null)
}

#[tokio::test]
async fn the_shipped_envoy_refuses_wrong_tokens_and_passes_the_refusals_of_the_services_on() {
    let fronted = Fronted::start().await;
    let (_account, token) = fronted.sign_up();
    let create = "tandem.task.v1.TaskService/CreateTask";
    let task = json!({"task": {"title": "mine"}});
    let (status, missing) = fronted.post(create, None, &task);
    assert_eq!((status, reason(&missing)), (401, &json!("TOKEN_MISSING")));
    let untitled = json!({"task": {"title": ""}});
    let (status, invalid) = fronted.post(create, Some(&token), &untitled);
    assert_eq!((status, reason(&invalid)), (400, &json!("FIELD_INVALID")));

    let forger = Forger::of(&fronted.stack, &token).await;
    fronted.ok(create, Some(&forger.with(&[])), &task);
    for (what, wrong) in forger.wrong_tokens(&token) {
        // Envoy itself refuses it, and its own text says why. Only an audience is 403.
        let (status, refused) = fronted.post(create, Some(&wrong), &task);
        let expected = if what == "for another audience" {
            403
        } else {
            401
        };
        assert_eq!(status, expected, "{what}: {refused}");
    }
    for (method, token) in [
        ("tandem.auth.v1.AdminService/ListAccounts", Some(&*token)),
        ("tandem.auth.v1.VerifierService/IntrospectToken", None),
        ("unknown", None),
    ] {
        let (status, answer) = fronted.post(method, token, &json!({}));
        assert_eq!(status, 404, "{method}: {answer}");
    }
}

#[tokio::test]
async fn the_shipped_envoy_forwards_a_stream_and_a_deadline() {
    let fronted = Fronted::start().await;
    let proto = workspace().join("proto").display().to_string();
    let authority = fronted.https.folder.path("ca.pem").display().to_string();
    let address = format!("{NAME}:{}", fronted.https.port);
    let arguments = [
        "-cacert",
        &authority,
        "-max-time",
        "2",
        "-import-path",
        &proto,
        "-proto",
        "grpc/health/v1/health.proto",
        "-d",
        "{}",
        &address,
        "grpc.health.v1.Health/Watch",
    ];
    let watched = run(&installed("TEST_GRPCURL"), &arguments, &[]);
    assert!(watched.stdout.contains("SERVING"), "{watched:?}");
    assert!(watched.stderr.contains("DeadlineExceeded"), "{watched:?}");
}
