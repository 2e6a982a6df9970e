//! What a token says of itself (RFC 8725).

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde_json::{Value, json};

use super::{
    Forgery,
    mint::{Mint, decode, encode, joined},
};

/// The names of all algorithms but ours (RFC 7518 section 3.1, RFC 8037, RFC 8812, RFC 9864), and misspellings of ours.
const OTHERS: [(&str, &str); 20] = [
    ("HS256", ""),
    ("HS384", ""),
    ("HS512", ""),
    ("RS256", "JWS 332"),
    ("RS384", "JWS 334"),
    ("RS512", "JWS 336"),
    ("PS256", "JWS 338"),
    ("PS384", "JWS 340"),
    ("PS512", "JWS 331, 333, 335, 337, 339"),
    ("ES256", ""),
    ("ES384", ""),
    ("ES512", ""),
    ("ES521", "JWS 347, 351"),
    ("ES256K", ""),
    ("Ed25519", ""),
    ("Ed448", ""),
    ("eddsa", ""),
    ("EDDSA", ""),
    ("EdDSA ", ""),
    ("", ""),
];
/// The beginning of a public key in `SubjectPublicKeyInfo` (RFC 8410).
const INFO: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// A mint of the attacker's own.
fn attacker(mint: &Mint) -> Mint {
    Mint::new(&[0xa7; 32], mint.claims.clone())
}

/// Algorithms that are none, or another, or another's.
pub(super) fn algorithms(mint: &Mint) -> Vec<Forgery> {
    let mut all = Vec::new();
    for (none, after) in [
        ("none", "JWS 16, 341, 343, 344"),
        ("NONE", "JWS 342"),
        ("None", ""),
        ("nOnE", ""),
    ] {
        let signed = mint.token(&mint.header_with("alg", json!(none)), &mint.claims);
        let (message, _signature) = signed.rsplit_once('.').expect("a token has three parts");
        let bare = Forgery::new(
            format!("algorithm {none}, not signed"),
            after,
            format!("{message}."),
        );
        all.extend([
            bare,
            Forgery::new(format!("algorithm {none}, signed"), "", signed),
        ]);
    }
    for (other, after) in OTHERS {
        let token = mint.token(&mint.header_with("alg", json!(other)), &mint.claims);
        all.push(Forgery::new(
            format!("algorithm \"{other}\" with our signature"),
            after,
            token,
        ));
    }
    for value in [
        json!(null),
        json!(["EdDSA"]),
        json!({"alg": "EdDSA"}),
        json!(-8),
    ] {
        let token = mint.token(&mint.header_with("alg", value.clone()), &mint.claims);
        all.push(Forgery::new(format!("algorithm {value}"), "", token));
    }
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key can be made");
    for named in ["EdDSA", "ES256"] {
        let message = message(mint, named);
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes());
        let token = joined(&message, signature.expect("P-256 signs anything").as_ref());
        all.push(Forgery::new(
            format!("algorithm {named} with a signature of P-256"),
            "",
            token,
        ));
    }
    [all, confused(mint)].concat()
}

/// The public key, which everybody has, as the secret of an HMAC.
fn confused(mint: &Mint) -> Vec<Forgery> {
    let bytes = decode(&mint.key.x);
    let (info, jwk) = ([&INFO, bytes.as_slice()].concat(), jwk(mint).to_string());
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &info);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
    let forms: [(&str, &str, &[u8]); 6] = [
        ("the public key's bytes", "JWS 31", &bytes),
        ("the public key in base64url", "", mint.key.x.as_bytes()),
        ("the public key's JWK", "", jwk.as_bytes()),
        ("the public key in DER", "", &info),
        ("the public key in PEM", "", pem.as_bytes()),
        ("nothing", "", b""),
    ];
    let mut all = Vec::new();
    for (form, after, secret) in forms {
        for named in ["HS256", "EdDSA"] {
            let message = message(mint, named);
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let token = joined(&message, hmac::sign(&secret, message.as_bytes()).as_ref());
            let name = format!("algorithm {named} with an HMAC keyed by {form}");
            all.push(Forgery::new(name, after, token));
        }
    }
    all
}

/// What is signed under an algorithm of this name.
fn message(mint: &Mint, algorithm: &str) -> String {
    let header = mint.header_with("alg", json!(algorithm)).to_string();
    format!("{}.{}", encode(header), encode(mint.claims.to_string()))
}

fn jwk(mint: &Mint) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": mint.key.kid, "x": mint.key.x})
}

/// Keys that a token brings or names.
pub(super) fn keys(mint: &Mint) -> Vec<Forgery> {
    let attacker = attacker(mint);
    let own =
        |name: &str, value: Value| attacker.token(&mint.header_with(name, value), &attacker.claims);
    let long = "k".repeat(65);
    let kids = [
        "",
        "unknown",
        "../../../../dev/null",
        "' or 1=1 --",
        "k\u{0}",
        "*",
        "0",
        &long,
    ];
    let mut all: Vec<_> = kids
        .into_iter()
        .map(|kid| {
            let token = mint.token(&mint.header_with("kid", json!(kid)), &mint.claims);
            Forgery::new(format!("key id {kid:?}"), "", token)
        })
        .collect();
    for (name, after, token) in [
        (
            "a key of the attacker's under the known id",
            "",
            own("typ", json!("at+jwt")),
        ),
        (
            "a key of the attacker's under its own id",
            "",
            attacker.good(),
        ),
        (
            "a key that the header brings",
            "JWS 32",
            own("jwk", jwk(&attacker)),
        ),
        ("a key that the header brings under its own id", "", {
            let mut header = attacker.header();
            header["jwk"] = jwk(&attacker);
            attacker.token(&header, &attacker.claims)
        }),
        (
            "our own key, brought by the header",
            "",
            mint.token(&mint.header_with("jwk", jwk(mint)), &mint.claims),
        ),
        (
            "a key at an address",
            "",
            own("jku", json!("https://attacker.example/jwks.json")),
        ),
        (
            "a certificate at an address",
            "",
            own("x5u", json!("https://attacker.example/key.pem")),
        ),
        (
            "a certificate that the header brings",
            "",
            own("x5c", json!(["MIIB"])),
        ),
        ("a certificate's thumbprint", "", own("x5t", json!("abc"))),
        (
            "a list of key ids",
            "",
            mint.token(
                &mint.header_with("kid", json!([mint.key.kid])),
                &mint.claims,
            ),
        ),
        ("the id in other letters", "", {
            let kid = mint.key.kid.to_ascii_uppercase();
            mint.token(&mint.header_with("kid", json!(kid)), &mint.claims)
        }),
    ] {
        all.push(Forgery::new(name, after, token));
    }
    all
}

/// Types and extensions.
pub(super) fn other(mint: &Mint) -> Vec<Forgery> {
    let mut all = Vec::new();
    let types = [
        "JWT",
        "AT+JWT",
        "application/at+jwt",
        "at+jwt ",
        "dpop+jwt",
        "logout+jwt",
        "",
    ];
    let types = types.map(|typ| ("typ", json!(typ)));
    let extensions = [
        ("typ", json!(null)),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("enc", json!("A256GCM")),
        ("unknown", json!("untrustworthy")),
    ];
    for (name, value) in types.into_iter().chain(extensions) {
        let token = mint.token(&mint.header_with(name, value.clone()), &mint.claims);
        all.push(Forgery::new(
            format!("header member {name}: {value}"),
            "",
            token,
        ));
    }
    for missing in ["typ", "alg", "kid"] {
        let mut header = mint.header();
        header.as_object_mut().expect("it is one").remove(missing);
        let token = mint.token(&header, &mint.claims);
        all.push(Forgery::new(
            format!("no {missing} in the header"),
            "",
            token,
        ));
    }
    // RFC 7797: the claims are signed as they are, and stand so in the token, or do not stand in it.
    let mut header = mint.header_with("b64", json!(false));
    header["crit"] = json!(["b64"]);
    let (header, claims) = (encode(header.to_string()), mint.claims.to_string());
    let unencoded = mint.sealed(&header, &claims);
    let signature = unencoded.rsplit_once('.').expect("it has a signature").1;
    let detached = format!("{header}..{signature}");
    let encoded = format!("{header}.{}.{signature}", encode(&claims));
    all.push(Forgery::new(
        "claims that are signed without encoding",
        "",
        encoded,
    ));
    all.push(Forgery::new("claims that are not encoded", "", unencoded));
    all.push(Forgery::new("claims that are detached", "", detached));
    all.push(Forgery::new(
        "a token in a token",
        "",
        mint.token(&mint.header(), &json!(mint.good())),
    ));
    all
}
