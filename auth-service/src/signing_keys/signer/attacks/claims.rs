//! Attacks through the claims.

use super::*;

#[test]
fn audience_and_issuer_are_one_exact_text() {
    for audience in [
        json!(["tandem"]),
        json!(["other", "tandem"]),
        json!(7),
        json!(null),
        json!("other"),
        json!("Tandem"),
        json!("tandem "),
        json!(""),
    ] {
        assert_invalid(&with_claim("aud", audience));
    }
    for issuer in [
        json!("https://auth.example/"),
        json!(["https://auth.example"]),
        json!(""),
    ] {
        assert_invalid(&with_claim("iss", issuer));
    }
}

#[test]
fn times_are_whole_numbers_since_1970() {
    for time in ["exp", "nbf", "iat"] {
        for value in [
            r#""1800000200""#,
            "1800000200.0",
            "1800000200.5",
            "18000002e2",
            "null",
            "1e999",
            "-1",
            "-1800000200",
            "9223372036854775808",
            "-9223372036854775808",
            "true",
            "[1800000200]",
            "{}",
        ] {
            assert_invalid(&with_claim_text(time, value));
        }
    }
}

#[test]
fn every_claim_is_required_and_typed() {
    let all = json!(claims());
    for name in all.as_object().unwrap().keys() {
        let mut claims = all.clone();
        claims.as_object_mut().unwrap().remove(name);
        assert_invalid(&signed(&header(), &claims));
        assert_invalid(&with_claim(name, json!(null)));
        assert_invalid(&with_claim(name, json!({})));
    }
    for subject in [
        "",
        "admin",
        "0190163d-8694-739b-aea5-966c26f8ad9",
        "' or 1=1 --",
    ] {
        assert_invalid(&with_claim("sub", json!(subject)));
    }
}

#[test]
fn a_token_is_accepted_from_nbf_until_exp_with_the_leeway_and_no_longer() {
    let at = |exp: i64, nbf: i64, iat: i64| {
        let claims = Claims {
            iat,
            nbf,
            exp,
            ..claims()
        };
        verify(&signer().sign(&claims)).map(|_| ())
    };
    assert_eq!(at(NOW - LEEWAY + 1, NOW - 300, NOW - 300), Ok(()));
    assert_eq!(
        at(NOW - LEEWAY, NOW - 300, NOW - 300),
        Err(TokenError::Expired)
    );
    assert_eq!(at(1, 0, 0), Err(TokenError::Expired));
    assert_eq!(at(i64::MAX, NOW, NOW), Ok(()));
    let later = NOW + LEEWAY;
    assert_eq!(at(NOW + 300, later, later), Ok(()));
    assert_eq!(at(NOW + 300, later + 1, NOW), Err(TokenError::Invalid));
    assert_eq!(at(NOW + 300, NOW, later + 1), Err(TokenError::Invalid));
    assert_eq!(at(NOW + 300, i64::MAX, NOW), Err(TokenError::Invalid));
}

#[test]
fn a_name_that_appears_twice_is_refused() {
    for (name, value) in [
        ("exp", "9000000000"),
        ("sub", r#""0190163d-8694-739b-aea5-966c26f8ad91""#),
        ("aud", r#""tandem""#),
    ] {
        let claims = json!(claims()).to_string();
        let members = &claims[1..];
        let doubled = format!(r#"{{"{name}":{value},{members}"#);
        assert_invalid(&signed(&header(), &doubled));
    }
    let doubled = header().to_string().replacen('{', r#"{"alg":"EdDSA","#, 1);
    assert_invalid(&signed(&doubled, &json!(claims())));
}
