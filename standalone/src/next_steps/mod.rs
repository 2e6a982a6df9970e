//! The commands to try after a start. One is printed; the others are in README.md and docs/first-steps.md. This is their only source.
//!
//! Each RPC is defined once and written for three tools, so the blocks of all do the same.

mod calls;
mod tools;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use self::{
    calls::{CREATE_TASK, Call, FIRST_TASK, HEALTH},
    tools::{Tool, buf, buf_reflection, commands, curl, grpc_web, grpcurl, grpcurl_reflection},
};

/// The addresses of the three parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The auth service.
    pub auth: SocketAddr,
    /// The task service.
    pub task: SocketAddr,
    /// The gateway.
    pub gateway: SocketAddr,
}

/// The default ports, as in README.md.
impl Default for Addresses {
    fn default() -> Self {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            auth: at(50051),
            task: at(50052),
            gateway: at(8080),
        }
    }
}

impl Addresses {
    /// The addresses to call these listeners at: the loopback address for one that listens on every address.
    #[must_use]
    pub fn to_call(self) -> Self {
        Self {
            auth: to_call(self.auth),
            task: to_call(self.task),
            gateway: to_call(self.gateway),
        }
    }
}

fn to_call(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

/// Commands to paste into a shell, all together or one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What they show.
    pub title: &'static str,
    /// The commands with their comments, one a line, without a newline at the end.
    pub commands: String,
}

/// The commands of all tools. The first block is in README.md, the others are in docs/first-steps.md.
#[must_use]
pub fn blocks(addresses: &Addresses) -> Vec<Block> {
    let block = |title, calls: &[Call], tool: Tool| Block {
        title,
        commands: commands(calls, tool, addresses),
    };
    vec![
        block("First task, with curl", &FIRST_TASK, curl),
        block("First task, with grpcurl", &FIRST_TASK, grpcurl),
        block("First task, with buf curl", &FIRST_TASK, buf),
        Block {
            title: "A task over gRPC-web, with curl",
            commands: grpc_web(addresses),
        },
        Block {
            title: "What is served, with grpcurl",
            commands: grpcurl_reflection(addresses),
        },
        Block {
            title: "What is served, with buf curl",
            commands: buf_reflection(addresses),
        },
        block("Health, with grpcurl", &HEALTH, grpcurl),
        block("Health, with buf curl", &HEALTH, buf),
    ]
}

/// The account that the printed text is about.
#[derive(Debug, Clone, Copy)]
pub struct DemoAccount<'a> {
    /// Its email.
    pub email: &'a str,
    /// Its password.
    pub password: &'a str,
    /// An access token of it.
    pub token: &'a str,
}

/// The text that is printed after a start: at most 24 rows of 80 columns. `None`: there is no demo account whose password is known.
#[must_use]
pub fn after_start(addresses: &Addresses, demo: Option<DemoAccount<'_>>) -> String {
    let Addresses {
        auth,
        task,
        gateway,
    } = addresses;
    let account = demo.map_or_else(
        || "make one in the console".to_owned(),
        |DemoAccount {
             email, password, ..
         }| format!("{email}, password {password}"),
    );
    let token = demo.map_or_else(
        || "# Put an access token into TOKEN: see docs/first-steps.md.".to_owned(),
        |DemoAccount { token, .. }| {
            format!(
                "# A token of the demo account, valid for about five minutes:\nexport TOKEN={token}"
            )
        },
    );
    let create = curl(&CREATE_TASK, addresses);
    format!(
        "Tandem is ready. Ctrl-C stops it.\n\n\
         Console   http://{gateway}/app/\n\
         Account   {account}\n\
         gRPC      auth {auth}, task {task}\n\
         HTTP      http://{gateway} (Connect, gRPC-web), http://{gateway}/docs (REST)\n\
         Health    http://{gateway}/health\n\n\
         {token}\n\
         # {note}\n{create}\n\n\
         More commands, with curl, grpcurl and buf: docs/first-steps.md\n",
        note = CREATE_TASK.note,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_called_on_the_loopback() {
        let everywhere = Addresses {
            auth: "0.0.0.0:1".parse().unwrap(),
            task: "[::]:2".parse().unwrap(),
            gateway: "192.0.2.1:3".parse().unwrap(),
        };
        let Addresses {
            auth,
            task,
            gateway,
        } = everywhere.to_call();
        assert_eq!(
            [auth, task, gateway].map(|address| address.to_string()),
            ["127.0.0.1:1", "[::1]:2", "192.0.2.1:3"]
        );
    }

    const DEMO: DemoAccount<'_> = DemoAccount {
        email: "demo@tandem.localhost",
        password: "abcdefghijklmnopqrstuvwx",
        token: "ey",
    };

    #[test]
    fn the_printed_text_fits_one_screen_with_a_token_of_the_longest_usual_length() {
        let token = format!("ey{}", "x".repeat(598));
        let demo = DemoAccount {
            token: &token,
            ..DEMO
        };
        let text = after_start(&Addresses::default(), Some(demo));
        let rows = |line: &str| line.chars().count().div_ceil(80).max(1);
        let rows: usize = text.lines().map(rows).sum();
        assert!(rows <= 24, "{rows} rows:\n{text}");
    }

    #[test]
    fn the_printed_text_has_the_account_the_token_and_a_command() {
        let text = after_start(&Addresses::default(), Some(DEMO));
        for part in [
            "demo@tandem.localhost, password abcdefghijklmnopqrstuvwx\n",
            "\nexport TOKEN=ey\n",
            &commands(&[CREATE_TASK], curl, &Addresses::default()),
        ] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn without_a_token_none_is_exported_for_the_demo_account() {
        let text = after_start(&Addresses::default(), None);
        assert!(
            !text.contains("demo@") && !text.contains("export"),
            "{text}"
        );
    }
}
