//! `SignIn` of accounts chosen at random.

use anyhow::Context as _;
use contract::proto::auth::{SignInRequest, SignInResponse};
use http::{HeaderMap, Method, Request, Uri};
use prost::{Message as _, bytes::Bytes};

use super::protocol::Protocol;
use crate::{
    deployment::PASSWORD,
    generator::{Answer, Calls},
    population::{email, id},
    random::Random,
};

/// Sign-ins with the right password.
pub(crate) struct SignIns {
    uri: Uri,
    headers: HeaderMap,
    /// The first digits of the accounts' ids.
    prefix: &'static str,
    bodies: Vec<Bytes>,
}

impl SignIns {
    /// Of `number` accounts `name-0@example.test` and so on, at this address.
    pub(crate) fn new(
        address: &str,
        prefix: &'static str,
        name: &str,
        number: u64,
    ) -> anyhow::Result<Self> {
        let body = |account| {
            Protocol::Grpc.message(&SignInRequest {
                email: email(name, account),
                password: PASSWORD.to_owned(),
                ..SignInRequest::default()
            })
        };
        Ok(Self {
            uri: format!("http://{address}/tandem.auth.v1.AuthService/SignIn").parse()?,
            headers: Protocol::Grpc.headers(),
            prefix,
            bodies: (0..number).map(body).collect(),
        })
    }
}

impl Calls for SignIns {
    type Expected = u64;

    fn next(&self, random: &mut Random) -> (Request<Bytes>, u64) {
        let account = random.below(self.bodies.len() as u64);
        let body = usize::try_from(account).expect("accounts are in memory");
        let mut request = Request::new(self.bodies[body].clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        (request, account)
    }

    fn check(&self, account: &u64, answer: &Answer) -> anyhow::Result<()> {
        let message = Protocol::message_of(answer)?;
        let signed_in = SignInResponse::decode(message)?;
        let tokens = signed_in.tokens.context("no tokens")?;
        anyhow::ensure!(!tokens.access_token.is_empty(), "no access token");
        let signed_in = signed_in.account.context("no account")?;
        anyhow::ensure!(signed_in.id == id(self.prefix, *account), "another account");
        Ok(())
    }
}
