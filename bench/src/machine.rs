//! What a measurement ran on. Nothing that names the machine or its user.

use std::fs;

use sqlx::{Connection as _, PgConnection, query_scalar};

/// What the page says of the machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) postgres: String,
    pub(crate) fsync: String,
    pub(crate) synchronous_commit: String,
    pub(crate) shared_buffers: String,
}

impl Machine {
    /// This one, with the PostgreSQL behind a URL.
    pub(crate) async fn read(database: &str) -> anyhow::Result<Self> {
        let mut connection = PgConnection::connect(database).await?;
        let mut setting = async |name: &str| {
            let shown = query_scalar("select current_setting($1)").bind(name.to_owned());
            let shown: String = shown.fetch_one(&mut connection).await?;
            anyhow::Ok(shown)
        };
        let machine = Self {
            cpu: cpu_model(&fs::read_to_string("/proc/cpuinfo")?),
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: memory_gib(&fs::read_to_string("/proc/meminfo")?),
            postgres: setting("server_version").await?,
            fsync: setting("fsync").await?,
            synchronous_commit: setting("synchronous_commit").await?,
            shared_buffers: setting("shared_buffers").await?,
        };
        connection.close().await?;
        Ok(machine)
    }
}

/// The name that the CPU has.
fn cpu_model(cpuinfo: &str) -> String {
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = model.and_then(|line| line.split_once(':'));
    name.map_or("unknown".to_owned(), |(_, name)| name.trim().to_owned())
}

fn memory_gib(meminfo: &str) -> u64 {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() / (1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_and_the_memory_are_found() {
        let cpuinfo =
            "processor\t: 0\nmodel name\t: AMD EPYC\nprocessor\t: 1\nmodel name\t: AMD EPYC\n";
        assert_eq!(cpu_model(cpuinfo), "AMD EPYC");
        assert_eq!(cpu_model(""), "unknown");
        assert_eq!(memory_gib("MemFree: 1 kB\nMemTotal:       8388608 kB\n"), 8);
    }
}
