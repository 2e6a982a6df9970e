//! The listeners of the three parts. They are bound before anything else is started, so that a port in use is reported at once.

use std::{io, net::SocketAddr};

use serving::ops::{Ops, OpsSettings};
use settings::Listing;
use tokio::net::TcpListener;

use crate::{error::Error, next_steps::Addresses, plan::Plan};

/// The default operations ports of the three parts.
const DEFAULT_OPS: [u16; 3] = [9051, 9052, 9080];

/// The listeners of the three parts.
#[derive(Debug)]
pub(crate) struct Ports {
    pub(crate) auth: TcpListener,
    pub(crate) task: TcpListener,
    pub(crate) gateway: TcpListener,
    /// The operations ports of the three.
    pub(crate) ops: [Ops; 3],
    /// The addresses to call the listeners at. Port 0 has been replaced by the port that was bound.
    pub(crate) addresses: Addresses,
}

impl Ports {
    pub(crate) async fn bind(plan: &Plan) -> Result<Self, Error> {
        let (auth, auth_at) = bind(plan.auth.process.listen, "TANDEM_AUTH__LISTEN").await?;
        let (task, task_at) = bind(plan.task.process.listen, "TANDEM_TASK__LISTEN").await?;
        let (gateway, gateway_at) =
            bind(plan.gateway.process.listen, "TANDEM_GATEWAY__LISTEN").await?;
        let ops = [
            bind_ops(
                &plan.auth.process.ops,
                &plan.auth.process.listing,
                "TANDEM_AUTH__OPS__LISTEN",
            )
            .await?,
            bind_ops(
                &plan.task.process.ops,
                &plan.task.process.listing,
                "TANDEM_TASK__OPS__LISTEN",
            )
            .await?,
            bind_ops(
                &plan.gateway.process.ops,
                &plan.gateway.process.listing,
                "TANDEM_GATEWAY__OPS__LISTEN",
            )
            .await?,
        ];
        let addresses = Addresses {
            auth: auth_at,
            task: task_at,
            gateway: gateway_at,
        };
        Ok(Self {
            auth,
            task,
            gateway,
            ops,
            addresses: addresses.to_call(),
        })
    }
}

/// An operations port. A default port that is in use is replaced by a free one, so that two of these processes can run side by
/// side. The log has the port.
async fn bind_ops(
    settings: &OpsSettings,
    listing: &Listing,
    variable: &'static str,
) -> Result<Ops, Error> {
    let Some(address) = settings.listen else {
        return Ok(Ops::none());
    };
    let bound = match bind(address, variable).await {
        Err(Error::Port { source, .. })
            if source.kind() == io::ErrorKind::AddrInUse
                && DEFAULT_OPS.contains(&address.port()) =>
        {
            bind(SocketAddr::new(address.ip(), 0), variable).await
        }
        bound => bound,
    };
    let (listener, _address) = bound?;
    Ok(Ops::with_listener(listener, listing.clone()))
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
