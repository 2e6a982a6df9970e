//! gRPC for Python: a client that shares no code with the server, and has its own TLS.

use std::{path::PathBuf, process::Command, time::Duration};

use testing::certificates::Folder;

use crate::fixture::{certified, limits, serve_plaintext, serve_tls};

/// Checks the health. The arguments are the target, the authority, and optionally the certificate and key of the client.
const SCRIPT: &str = r#"
import grpc, sys
read = lambda path: open(path, "rb").read()
target, ca, shown = sys.argv[1], read(sys.argv[2]), [read(path) for path in sys.argv[3:]]
credentials = grpc.ssl_channel_credentials(ca, *reversed(shown))
with grpc.secure_channel(target, credentials) as channel:
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    try:
        print(check(b"", timeout=5).hex())
    except grpc.RpcError as error:
        print(error.code().name)
"#;

/// Calls one after another. The arguments are the target and the number of calls.
const CALLS: &str = r#"
import grpc, sys
with grpc.insecure_channel(sys.argv[1]) as channel:
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    for _ in range(int(sys.argv[2])):
        assert check(b"", timeout=5).hex() == "0801"
"#;

fn python(script: &str, arguments: Vec<PathBuf>) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests have no configuration but their environment"
    )]
    let python = std::env::var("TEST_PYTHON")
        .expect("TEST_PYTHON is Python with grpcio: run `make test`, or `scripts/provide python`");
    let mut command = Command::new(python);
    let output = command.arg("-c").arg(script).args(arguments).output();
    let output = output.unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn check_health(port: u16, folder: &Folder, shown: Option<(PathBuf, PathBuf)>) -> String {
    let mut arguments = vec![format!("localhost:{port}").into(), folder.path("ca.pem")];
    arguments.extend(
        shown
            .into_iter()
            .flat_map(|(certificate, key)| [certificate, key]),
    );
    tokio::task::spawn_blocking(|| python(SCRIPT, arguments))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_python_client_is_served_over_tls_and_refused_without_a_required_certificate() {
    let (authority, folder, _) = certified();
    let (served, _tls) = serve_tls(limits(|_| {}), &folder).await;
    // status = SERVING
    assert_eq!(
        check_health(served.address.port(), &folder, None).await,
        "0801"
    );

    folder.write("client_ca.pem", &authority.pem());
    let (requiring, _tls) = serve_tls(limits(|_| {}), &folder).await;
    let port = requiring.address.port();
    assert_eq!(check_health(port, &folder, None).await, "UNAVAILABLE");
    let shown = folder.write_identity("client", &authority.issue(&["client"]));
    assert_eq!(check_health(port, &folder, Some(shown)).await, "0801");
}

#[tokio::test]
async fn a_python_client_calls_over_one_connection_after_another_and_no_call_fails() {
    let served = serve_plaintext(limits(|limits| {
        limits.connection_age = Duration::from_millis(20);
    }))
    .await;
    let arguments = vec![served.address.to_string().into(), "1000".into()];
    tokio::task::spawn_blocking(|| python(CALLS, arguments))
        .await
        .unwrap();
    let counts = served.connections.counts();
    assert!(counts.aged >= 5, "{counts:?}");
    assert_eq!(counts.cut, 0);
}

/// Checks the health of a service with a long name, compressed. The argument is the target.
const COMPRESSED: &str = r#"
import grpc, sys
with grpc.insecure_channel(sys.argv[1]) as channel:
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    request = b"\x0a\xc8\x01" + 200 * b"a"
    for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        try:
            check(request, timeout=5, compression=compression)
        except grpc.RpcError as error:
            accepted = dict(error.initial_metadata() or ()) | dict(error.trailing_metadata() or ())
            print(error.code().name, accepted.get("grpc-accept-encoding"))
"#;

#[tokio::test]
async fn a_python_client_may_compress_with_gzip_and_is_told_so_otherwise() {
    let served = serve_plaintext(limits(|_| {})).await;
    let address = served.address;
    let printed =
        tokio::task::spawn_blocking(move || python(COMPRESSED, vec![address.to_string().into()]));
    let printed = printed.await.unwrap();
    let mut lines = printed.lines();
    assert_eq!(lines.next(), Some("NOT_FOUND None"), "{printed}");
    assert!(
        lines.next().unwrap().starts_with("UNIMPLEMENTED"),
        "{printed}"
    );
}
