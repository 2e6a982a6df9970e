//! Attacks through the header.

use aws_lc_rs::hmac;

use super::*;

#[test]
fn no_algorithm_but_eddsa_is_accepted() {
    let others = [
        "none", "None", "NONE", "nOnE", "", "eddsa", "Ed25519", "ES256", "RS256",
    ];
    for algorithm in others {
        let token = with_header("alg", json!(algorithm));
        assert_invalid(&token);
        let (message, _signature) = token.rsplit_once('.').unwrap();
        assert_invalid(&format!("{message}."));
    }
    for mistyped in [json!(null), json!(["EdDSA"]), json!(1)] {
        assert_invalid(&with_header("alg", mistyped));
    }
}

#[test]
fn the_public_key_is_not_accepted_as_an_hmac_secret() {
    let key = signer().public_key();
    let raw = URL_SAFE_NO_PAD.decode(&key.x).unwrap();
    for secret in [raw.as_slice(), key.x.as_bytes()] {
        for algorithm in ["HS256", "EdDSA"] {
            let token = with_header("alg", json!(algorithm));
            let (message, _signature) = token.rsplit_once('.').unwrap();
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let tag = URL_SAFE_NO_PAD.encode(hmac::sign(&secret, message.as_bytes()));
            assert_invalid(&format!("{message}.{tag}"));
        }
    }
}

#[test]
fn a_header_with_or_about_a_key_is_refused() {
    let key = signer().public_key();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": key.x, "kid": key.kid});
    for (name, value) in [
        ("jwk", jwk),
        ("jwk", json!(null)),
        ("jku", json!("https://attacker.example/jwks.json")),
        ("jku", json!(null)),
        ("x5u", json!("https://attacker.example/key.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("abc")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
    ] {
        assert_invalid(&with_header(name, value));
    }
}

#[test]
fn a_key_of_the_attacker_is_refused_under_the_known_id() {
    let forger = Signer::from_seed(&[8; 32]).unwrap();
    let parts = (header().to_string(), json!(claims()).to_string());
    let header = URL_SAFE_NO_PAD.encode(parts.0);
    assert_invalid(&forger.seal(&header, &URL_SAFE_NO_PAD.encode(parts.1)));
    assert_invalid(&forger.sign(&claims()));
}

#[test]
fn the_type_is_exactly_at_jwt() {
    let other = [
        "JWT",
        "AT+JWT",
        "at+JWT",
        "application/at+jwt",
        "rt+jwt",
        "at+jwt ",
        "",
    ];
    for typ in other {
        assert_invalid(&with_header("typ", json!(typ)));
    }
    assert_invalid(&with_header("typ", json!(null)));
    for missing in ["typ", "alg", "kid"] {
        let mut header = header();
        header.as_object_mut().unwrap().remove(missing);
        assert_invalid(&signed(&header, &json!(claims())));
    }
}

#[test]
fn a_key_id_is_a_short_known_name_and_nothing_else() {
    let long = "k".repeat(1 << 20);
    for kid in [
        "",
        "unknown",
        "../../../../dev/null",
        "' or 1=1 --",
        "k\u{0}",
        &long[..65],
        &long,
    ] {
        assert_invalid(&with_header("kid", json!(kid)));
    }
    assert_invalid(&with_header("kid", json!([signer().public_key().kid])));
}
