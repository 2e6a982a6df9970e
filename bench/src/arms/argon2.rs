//! Argon2 in a loop on all cores: as many passwords as this machine can hash.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use futures_util::future::LocalBoxFuture;

use crate::rounds::{Arm, Work};

/// A thread for each core, each of which uses its memory again for every hash.
pub(crate) struct HashLoop {
    params: Params,
}

impl HashLoop {
    pub(crate) fn new(memory_kib: u32, iterations: u32) -> anyhow::Result<Self> {
        let params = Params::new(memory_kib, iterations, 1, Some(32));
        let params = params.map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(Self { params })
    }
}

impl Arm for HashLoop {
    fn name(&self) -> String {
        "Argon2 alone, on all cores".to_owned()
    }

    fn block(&mut self, length: Duration) -> LocalBoxFuture<'_, anyhow::Result<Work>> {
        let params = self.params.clone();
        Box::pin(async move {
            let hashed = tokio::task::spawn_blocking(move || on_all_cores(&params, length));
            hashed.await.context("a hash panicked")?
        })
    }
}

fn on_all_cores(params: &Params, length: Duration) -> anyhow::Result<Work> {
    let cores = thread::available_parallelism()?.get();
    let began = Instant::now();
    let calls = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|_| scope.spawn(|| on_one(params, began + length)))
            .collect();
        let hashed = threads
            .into_iter()
            .map(|thread| thread.join().expect("hashing does not panic"));
        hashed.sum::<anyhow::Result<u64>>()
    })?;
    Ok(Work {
        calls,
        seconds: began.elapsed().as_secs_f64(),
    })
}

fn on_one(params: &Params, until: Instant) -> anyhow::Result<u64> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut blocks = vec![Block::new(); params.block_count()];
    let (mut hash, mut done) = ([0; 32], 0);
    while Instant::now() < until {
        argon2
            .hash_password_into_with_memory(
                b"a long enough password",
                b"0123456789abcdef",
                &mut hash,
                &mut blocks,
            )
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        done += 1;
    }
    Ok(done)
}
