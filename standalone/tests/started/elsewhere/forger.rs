//! Wrong tokens, signed with the key of the stack itself wherever that makes them harder to refuse.

use auth_service::signing_keys::sealing::KeyEncryptionKeys;
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection, Row as _};
use testing::forgery::{TestIssuer, forgeries};

use crate::{services::key, stack::Stack};

/// Holds the private key of a stack.
pub(crate) struct Forger {
    seed: [u8; 32],
    claims: Value,
}

impl Forger {
    /// Takes the key out of the database, and the claims of a valid token.
    pub(crate) async fn of(stack: &Stack, token: &str) -> Self {
        let mut database = PgConnection::connect(stack.database_url()).await.unwrap();
        let query = "select kid, key_encryption_key, sealed_private_key from auth.signing_key \
                     where sealed_private_key is not null";
        let row = sqlx::query(query).fetch_one(&mut database).await.unwrap();
        let (kid, sealed): (String, Vec<u8>) = (row.get(0), row.get(2));
        let bytes = BASE64_STANDARD.decode(key(1)).unwrap();
        let keys = KeyEncryptionKeys::new(vec![(1, bytes.try_into().unwrap())]).unwrap();
        let seed = keys.open(&kid, row.get(1), &sealed).unwrap();
        Self {
            seed: *seed,
            claims: part(token, 1),
        }
    }

    /// The id of the key that signed a token.
    pub(crate) fn key_id(token: &str) -> String {
        part(token, 0)["kid"].as_str().unwrap().to_owned()
    }

    /// A token with these claims changed, signed by the key of the stack.
    pub(crate) fn with(&self, claims: &[(&str, Value)]) -> String {
        self.issuer(claims).valid()
    }

    fn issuer(&self, claims: &[(&str, Value)]) -> TestIssuer {
        let mut all = self.claims.clone();
        for (name, value) in claims {
            all[name] = value.clone();
        }
        TestIssuer::new(&self.seed, all)
    }

    /// Tokens that every verifier must refuse, each with what is wrong with it.
    pub(crate) fn wrong_tokens(&self, valid: &str) -> Vec<(&'static str, String)> {
        let now = self.claims["iat"].as_i64().unwrap();
        let issuer = self.claims["iss"].as_str().unwrap();
        let other_key = TestIssuer::new(&[7; 32], self.claims.clone());
        let mut wrong = vec![
            (
                "expired",
                self.with(&[("iat", json!(now - 400)), ("exp", json!(now - 60))]),
            ),
            (
                "for another audience",
                self.with(&[("aud", json!("other"))]),
            ),
            (
                "of another issuer",
                self.with(&[("iss", json!("https://other.example"))]),
            ),
            (
                "of an issuer with a slash more",
                self.with(&[("iss", json!(format!("{issuer}/")))]),
            ),
            ("of a key that is not published", other_key.valid()),
            ("without algorithm", unsigned(valid)),
            ("not a token", "Bearer".to_owned()),
            ("an empty text", ".".to_owned()),
        ];
        let forged = forgeries(&self.issuer(&[]));
        for name in FORGERIES {
            let forgery = forged.iter().find(|forgery| forgery.name == name);
            let forgery = forgery.unwrap_or_else(|| panic!("no forgery {name}"));
            wrong.push((name, forgery.token.clone()));
        }
        wrong
    }
}

/// Those of the project's own list ([`testing::forgery`]) that concern every verifier.
const FORGERIES: [&str; 8] = [
    "no signature",
    "the signature changed",
    "other claims",
    "another header",
    "no typ in the header",
    "header member typ: \"JWT\"",
    "header member typ: \"dpop+jwt\"",
    "header member typ: null",
];

/// The header or the claims of a token.
fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The claims of a token below a header that asks for no signature.
fn unsigned(token: &str) -> String {
    let mut header = part(token, 0);
    header["alg"] = json!("none");
    let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
    format!("{header}.{}.", token.split('.').nth(1).unwrap())
}
