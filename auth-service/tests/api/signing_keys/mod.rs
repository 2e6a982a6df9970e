//! Signing keys: sealed at rest, replaced without a refused token, and killed at once.

mod follower;
mod handover;
mod kill;
mod life;
mod replicas;
mod sealing;
mod storm;

use std::{sync::Arc, time::Duration};

use auth_service::cli::keys::{KeysCommand, KeysCommandError};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clock::Clock as _;
use contract::proto::auth::{GetJsonWebKeySetRequest, TokenPair};
use serde_json::Value;

use crate::{
    settings::config,
    world::{POLL, POLLS, Person, World},
};

/// Runs a command as an operator does, in a process that is not a replica.
async fn keys(world: &World, command: KeysCommand) -> Result<String, KeysCommandError> {
    let config = config(world.database.url(), &[]);
    command.run(config, Arc::new(world.clock.clone())).await
}

/// Makes a new key; its id.
async fn rotate(world: &World) -> String {
    let output = keys(world, KeysCommand::Rotate).await.unwrap();
    output.split(' ').next().unwrap().to_owned()
}

async fn kill(world: &World, kid: &str) -> Result<String, KeysCommandError> {
    let kid = kid.to_owned();
    keys(world, KeysCommand::Kill { kid }).await
}

/// The keys that verify tokens and their states, the newest first.
async fn listed(world: &World) -> Vec<(String, String)> {
    let table = keys(world, KeysCommand::List).await.unwrap();
    let rows = table.lines().map(|line| {
        let mut columns = line.split_whitespace().map(str::to_owned);
        (columns.next().unwrap(), columns.next().unwrap())
    });
    rows.collect()
}

/// The ids of the published keys, the newest first.
async fn published(world: &World) -> Vec<String> {
    let request = GetJsonWebKeySetRequest {};
    let answer = world.auth.clone().get_json_web_key_set(request).await;
    let keys = answer.unwrap().into_inner().keys;
    keys.into_iter().map(|key| key.kid).collect()
}

/// Waits until the published keys are these, the newest first.
async fn wait_for_published(world: &World, expected: &[&str]) {
    let mut found = Vec::new();
    for _ in 0..POLLS {
        found = published(world).await;
        if found == expected {
            return;
        }
        tokio::time::sleep(POLL).await;
    }
    assert_eq!(found, expected);
}

/// The id of the key that signed the access token.
fn kid(tokens: &TokenPair) -> String {
    let header = tokens.access_token.split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Signs in until the tokens are signed with this key.
async fn wait_for_signing(world: &World, person: &Person, expected: &str) -> TokenPair {
    let mut found = String::new();
    for _ in 0..POLLS {
        let tokens = world.sign_in(person).await;
        found = kid(&tokens);
        if found == expected {
            return tokens;
        }
        tokio::time::sleep(POLL).await;
    }
    panic!("{found} signs, not {expected}")
}

/// Moves the clock by 20 s, and waits until each of `count` replicas has read the keys in that time and done what was due.
async fn replicas_have_updated(world: &World, count: i64) {
    // A replica reports that it is alive before it reads the keys, at most once in 10 s. So its second report comes after
    // everything that the first read led to.
    for _ in 0..2 {
        world.advance(Duration::from_secs(10));
        replicas_are_seen(world, count).await;
    }
}

/// Waits until `count` replicas have reported at the current time.
async fn replicas_are_seen(world: &World, count: i64) {
    let mut connection = world.connect().await;
    let mut found = 0;
    for _ in 0..POLLS {
        let seen =
            sqlx::query_scalar("select count(*) from auth.signing_replica where seen_time = $1");
        let seen = seen.bind(world.clock.now()).fetch_one(&mut connection);
        found = seen.await.unwrap();
        if found == count {
            return;
        }
        tokio::time::sleep(POLL).await;
    }
    assert_eq!(found, count, "replicas have looked");
}
