//! A proxy in front of the database that counts the executed statements. It reads everything that the service sends, so it
//! counts exactly the statements that were sent.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, copy},
    net::{TcpListener, TcpStream, UnixStream},
};

/// The protocol version in the startup message of a session. Other startup messages ask for encryption first.
const PROTOCOL: [u8; 4] = [0, 3, 0, 0];

/// How often each statement was executed.
pub(crate) type Executed = BTreeMap<String, u64>;

/// The proxy.
pub(crate) struct Statements {
    url: String,
    executed: Arc<Mutex<Executed>>,
}

/// The statements that one connection has prepared.
#[derive(Default)]
struct Prepared {
    statements: HashMap<String, String>,
    portals: HashMap<String, String>,
}

impl Statements {
    /// A proxy in front of the server of this URL.
    pub(crate) async fn in_front_of(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url_here = through(url, listener.local_addr().unwrap().port());
        let server: PgConnectOptions = url.parse().unwrap();
        let executed = Arc::<Mutex<Executed>>::default();
        let count = Arc::clone(&executed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, server.clone(), Arc::clone(&count)));
            }
        });
        Self {
            url: url_here,
            executed,
        }
    }

    /// The URL of the same database through the proxy.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How often each statement has been executed.
    pub(crate) fn executed(&self) -> Executed {
        self.executed.lock().unwrap().clone()
    }

    /// How often each statement has been executed since `before`; statements that were not executed are left out.
    pub(crate) fn since(&self, before: &Executed) -> Executed {
        let mut executed = self.executed();
        executed.retain(|text, count| {
            *count -= before.get(text).unwrap_or(&0);
            *count > 0
        });
        executed
    }
}

/// The URL with the port of the proxy. TLS is disabled, because the proxy cannot read encrypted connections.
fn through(url: &str, port: u16) -> String {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = address.split_once("://").unwrap();
    let (authority, database) = rest.split_once('/').unwrap();
    let user = authority.rsplit_once('@');
    let user = user.map_or(String::new(), |(user, _)| format!("{user}@"));
    let mut here = vec!["sslmode=disable"];
    here.extend(query.split('&').filter(|one| {
        let name = one.split('=').next().unwrap();
        !["host", "port", "sslmode", ""].contains(&name)
    }));
    let query = here.join("&");
    format!("{scheme}://{user}127.0.0.1:{port}/{database}?{query}")
}

async fn relay(client: TcpStream, server: PgConnectOptions, executed: Arc<Mutex<Executed>>) {
    client.set_nodelay(true).unwrap();
    let socket = server.get_socket().cloned().or_else(|| {
        let directory = server.get_host();
        directory.starts_with('/').then(|| directory.into())
    });
    let port = server.get_port();
    if let Some(directory) = socket {
        let path = directory.join(format!(".s.PGSQL.{port}"));
        let server = UnixStream::connect(path).await.unwrap();
        pump(client, server.into_split(), executed).await;
    } else {
        let server = TcpStream::connect((server.get_host(), port)).await.unwrap();
        server.set_nodelay(true).unwrap();
        pump(client, server.into_split(), executed).await;
    }
}

/// Forwards both directions until either ends.
async fn pump(
    client: TcpStream,
    (mut from_server, to_server): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    executed: Arc<Mutex<Executed>>,
) {
    let (from_client, mut to_client) = client.into_split();
    tokio::select! {
        _ = copy(&mut from_server, &mut to_client) => {}
        _ = read(BufReader::new(from_client), to_server, &executed) => {}
    }
}

/// Reads message by message, and forwards each one after it was counted.
async fn read(
    mut client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
    executed: &Mutex<Executed>,
) -> std::io::Result<()> {
    loop {
        let body = message(&mut client).await?;
        server.write_all(&body).await?;
        if body[4..8] == PROTOCOL {
            break;
        }
    }
    let mut prepared = Prepared::default();
    loop {
        let kind = client.read_u8().await?;
        let body = message(&mut client).await?;
        if let Some(text) = prepared.executes(kind, &body[4..]) {
            *executed.lock().unwrap().entry(text).or_default() += 1;
        }
        server
            .write_all(&[&[kind], body.as_slice()].concat())
            .await?;
    }
}

/// A message, preceded by its length.
async fn message(client: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(usize::try_from(length).unwrap(), 0);
    client.read_exact(&mut message[4..]).await?;
    Ok(message)
}

impl Prepared {
    /// The statement that a message of the frontend executes, if it executes one.
    fn executes(&mut self, kind: u8, body: &[u8]) -> Option<String> {
        let mut texts = body.split(|byte| *byte == 0);
        let mut text = || String::from_utf8(texts.next().unwrap_or_default().to_vec()).unwrap();
        match kind {
            b'Q' => Some(text()),
            b'F' => Some("a function call".to_owned()),
            b'P' => {
                self.statements.insert(text(), text());
                None
            }
            b'B' => {
                let (portal, statement) = (text(), text());
                self.portals
                    .insert(portal, self.statements[&statement].clone());
                None
            }
            b'E' => Some(self.portals[&text()].clone()),
            _ => None,
        }
    }
}
