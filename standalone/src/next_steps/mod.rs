//! The commands to try after a start. They are printed and are also in README.md; this is their only source.
//!
//! Each RPC is defined once and written for two tools, so the blocks of both do the same.

mod calls;
mod tools;

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use self::{
    calls::{Call, FIRST_TASK, HEALTH},
    tools::{Tool, buf, buf_reflection, commands, grpc_web, grpcurl, grpcurl_reflection},
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

/// The commands of all tools, in the order of README.md.
#[must_use]
pub fn blocks(addresses: &Addresses) -> Vec<Block> {
    let block = |title, calls: &[Call], tool: Tool| Block {
        title,
        commands: commands(calls, tool, addresses),
    };
    vec![
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

/// The text that is printed after a start. `token`, if there is one, is an access token of `account`.
#[must_use]
pub fn after_start(addresses: &Addresses, account: &str, token: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(token) = token {
        let lines = format!(
            "# A token of {account} to try things with, valid for about five minutes.\nexport TOKEN={token}\n"
        );
        text.push_str(&lines);
    }
    for block in blocks(addresses) {
        write!(text, "\n## {}\n{}\n", block.title, block.commands)
            .expect("writing to a String does not fail");
    }
    let Addresses { gateway, .. } = addresses;
    write!(
        text,
        "\n## For browsers\n# gRPC-web, binary and text: http://{gateway}/\n# Health:                    http://{gateway}/health\n"
    )
    .expect("writing to a String does not fail");
    text
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

    #[test]
    fn the_token_comes_first_and_then_every_block() {
        let text = after_start(&Addresses::default(), "demo@tandem.localhost", Some("abc"));
        let export = text.lines().nth(1);
        assert_eq!(export, Some("export TOKEN=abc"));
        for block in blocks(&Addresses::default()) {
            assert!(text.contains(&block.commands), "{}", block.title);
        }
    }

    #[test]
    fn without_a_token_none_is_exported_for_the_demo_account() {
        let text = after_start(&Addresses::default(), "demo@tandem.localhost", None);
        assert!(!text.contains("demo@"), "{text}");
    }
}
