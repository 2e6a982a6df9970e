//! The three listeners, bound before anything else is started: a port that is taken is told at once.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

use crate::{Error, next_steps::Addresses, plan::Plan};

/// The listeners of the three parts.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) auth: TcpListener,
    pub(crate) task: TcpListener,
    pub(crate) gateway: TcpListener,
    /// Where they are; port 0 has become a real one.
    pub(crate) addresses: Addresses,
}

impl Ports {
    pub(crate) async fn bind(plan: &Plan) -> Result<Self, Error> {
        let (auth, auth_at) = bind(plan.auth.listen, "TANDEM_AUTH__LISTEN").await?;
        let (task, task_at) = bind(plan.task.listen, "TANDEM_TASK__LISTEN").await?;
        let (gateway, gateway_at) = bind(plan.gateway.listen, "TANDEM_GATEWAY__LISTEN").await?;
        let addresses = Addresses {
            auth: auth_at,
            task: task_at,
            gateway: gateway_at,
        };
        Ok(Self {
            auth,
            task,
            gateway,
            addresses: addresses.to_call(),
        })
    }
}

async fn bind(
    address: SocketAddr,
    variable: &'static str,
) -> Result<(TcpListener, SocketAddr), Error> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let at = listener.local_addr()?;
        Ok((listener, at))
    };
    bound.await.map_err(|source: io::Error| Error::Port {
        address,
        variable,
        source,
    })
}
