//! An auth service that hashes as a deployment does, and accounts for it.

use crate::{
    caller::sign_up,
    calls::SignIns,
    goals::Stand,
    population::Copies,
    programs::{Server, free_address, ready},
};

/// OWASP's minimum, which is the default of the service.
pub(super) const MEMORY_KIB: u32 = 19_456;
pub(super) const ITERATIONS: u32 = 2;
const ACCOUNTS: u64 = 256;

/// A running auth service, on the database of the others.
pub(super) struct StrongAuth {
    pub(super) address: String,
    pub(super) server: Server,
    pub(super) sign_ins: SignIns,
}

impl StrongAuth {
    /// Starts it with so many threads that hash. It gets accounts of its own, whose ids begin with the prefix.
    pub(super) async fn start(
        stand: &Stand,
        threads: usize,
        name: &str,
        prefix: &'static str,
    ) -> anyhow::Result<Self> {
        let (address, ops) = (free_address()?, free_address()?);
        let settings = [
            ("TANDEM_AUTH__LISTEN", address.clone()),
            ("TANDEM_AUTH__OPS__LISTEN", ops),
            ("TANDEM_AUTH__HASH__MEMORY_KIB", MEMORY_KIB.to_string()),
            ("TANDEM_AUTH__HASH__ITERATIONS", ITERATIONS.to_string()),
            ("TANDEM_AUTH__HASH__THREADS", threads.to_string()),
        ];
        let server = stand.deployment.programs.serve("auth-service", &settings)?;
        let channel = ready(&address).await?;
        let template = format!("{name}@example.test");
        sign_up(&channel, &template).await?;
        let accounts = Copies {
            template: &template,
            prefix,
            name,
            number: ACCOUNTS,
        };
        accounts.load(&stand.deployment.database).await?;
        Ok(Self {
            sign_ins: SignIns::new(&address, prefix, name, ACCOUNTS)?,
            address,
            server,
        })
    }
}
