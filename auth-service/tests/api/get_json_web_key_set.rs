//! `AuthService.GetJsonWebKeySet`

use std::{sync::Arc, time::Duration};

use contract::proto::auth::GetJsonWebKeySetRequest;
use verifier::{KeySet, PublicKey, Purpose, Revocations, TokenError, Trust, Verifier};

use crate::world::World;

/// A verifier of another service, without keys.
fn verifier(world: &World) -> Verifier {
    let trust = Trust {
        issuer: "tandem-auth".to_owned(),
        audience: "tandem".to_owned(),
        leeway: Duration::ZERO,
    };
    let clock = Arc::new(world.clock.clone());
    Verifier::new(trust, Revocations::NotConsulted, 8, clock)
}

#[tokio::test]
async fn the_published_key_verifies_an_access_token() {
    let world = World::boot().await;
    let person = world.person().await;
    let answer = world
        .auth
        .clone()
        .get_json_web_key_set(GetJsonWebKeySetRequest {})
        .await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.max_age.unwrap().seconds, 300);
    assert_eq!(answer.issuer, "tandem-auth");
    let [key] = answer.keys.as_slice() else {
        panic!("one key: {:?}", answer.keys)
    };
    let fields = (
        key.kty.as_str(),
        key.crv.as_str(),
        key.alg.as_str(),
        key.r#use.as_str(),
    );
    assert_eq!(fields, ("OKP", "Ed25519", "EdDSA", "sig"));

    let verifier = verifier(&world);
    verifier.set_keys(KeySet::new([PublicKey {
        kid: key.kid.clone(),
        x: key.x.clone(),
    }]));
    let claims = verifier
        .verify(&person.tokens.access_token, Purpose::Read)
        .unwrap();
    assert_eq!(claims.sub.to_string(), person.id);
    world.advance(Duration::from_mins(5));
    let expired = verifier.verify(&person.tokens.access_token, Purpose::Read);
    assert_eq!(expired, Err(TokenError::Expired));
}
