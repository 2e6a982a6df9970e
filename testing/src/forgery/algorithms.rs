//! The algorithm that a header names (RFC 8725 section 3.1), and signatures of other algorithms.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde_json::{Value, json};

use super::{
    Forgery,
    issuer::{TestIssuer, decode, encode, joined},
};

/// Spellings of the algorithm that means "not signed".
const NONE: [(&str, &str); 4] = [
    ("none", "JWS 16, 341, 343, 344"),
    ("NONE", "JWS 342"),
    ("None", ""),
    ("nOnE", ""),
];
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
/// The DER bytes before an Ed25519 public key in a `SubjectPublicKeyInfo` (RFC 8410).
const PUBLIC_KEY_INFO: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

pub(super) fn forgeries(issuer: &TestIssuer) -> Vec<Forgery> {
    [
        none(issuer),
        others(issuer),
        other_types(issuer),
        signed_by_p256(issuer),
        keyed_by_the_public_key(issuer),
    ]
    .concat()
}

/// A token that names this algorithm and has our signature.
fn token(issuer: &TestIssuer, algorithm: Value) -> String {
    issuer.token(&issuer.header_with("alg", algorithm), &issuer.claims)
}

fn none(issuer: &TestIssuer) -> Vec<Forgery> {
    let both = |(none, wycheproof): (&str, &'static str)| {
        let signed = token(issuer, json!(none));
        let (message, _signature) = signed.rsplit_once('.').expect("a token has three parts");
        [
            Forgery::new(
                format!("algorithm {none}, not signed"),
                wycheproof,
                format!("{message}."),
            ),
            Forgery::new(format!("algorithm {none}, signed"), "", signed),
        ]
    };
    NONE.into_iter().flat_map(both).collect()
}

fn others(issuer: &TestIssuer) -> Vec<Forgery> {
    let one = |(other, wycheproof): (&str, &'static str)| {
        let name = format!("algorithm \"{other}\" with our signature");
        Forgery::new(name, wycheproof, token(issuer, json!(other)))
    };
    OTHERS.map(one).into()
}

/// The algorithm is not a JSON string.
fn other_types(issuer: &TestIssuer) -> Vec<Forgery> {
    let values = [
        json!(null),
        json!(["EdDSA"]),
        json!({"alg": "EdDSA"}),
        json!(-8),
    ];
    values
        .map(|value| Forgery::new(format!("algorithm {value}"), "", token(issuer, value)))
        .into()
}

fn signed_by_p256(issuer: &TestIssuer) -> Vec<Forgery> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let pair = pair.expect("a key can be generated");
    let one = |named| {
        let message = message(issuer, named);
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes());
        let token = joined(
            &message,
            signature.expect("P-256 signs any message").as_ref(),
        );
        Forgery::new(
            format!("algorithm {named} with a signature of P-256"),
            "",
            token,
        )
    };
    ["EdDSA", "ES256"].map(one).into()
}

/// The public key, which everybody has, is used as the secret of an HMAC.
fn keyed_by_the_public_key(issuer: &TestIssuer) -> Vec<Forgery> {
    let bytes = decode(&issuer.key.x);
    let info = [&PUBLIC_KEY_INFO, bytes.as_slice()].concat();
    let jwk = issuer.jwk().to_string();
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &info);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
    let forms: [(&str, &str, &[u8]); 6] = [
        ("the public key's bytes", "JWS 31", &bytes),
        ("the public key in base64url", "", issuer.key.x.as_bytes()),
        ("the public key's JWK", "", jwk.as_bytes()),
        ("the public key in DER", "", &info),
        ("the public key in PEM", "", pem.as_bytes()),
        ("the empty key", "", b""),
    ];
    let mut all = Vec::new();
    for (form, wycheproof, secret) in forms {
        for named in ["HS256", "EdDSA"] {
            let message = message(issuer, named);
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let token = joined(&message, hmac::sign(&secret, message.as_bytes()).as_ref());
            let name = format!("algorithm {named} with an HMAC keyed by {form}");
            all.push(Forgery::new(name, wycheproof, token));
        }
    }
    all
}

/// What is signed when the header names this algorithm.
fn message(issuer: &TestIssuer, algorithm: &str) -> String {
    let header = issuer.header_with("alg", json!(algorithm)).to_string();
    format!("{}.{}", encode(header), encode(issuer.claims.to_string()))
}
