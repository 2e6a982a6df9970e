//! `SignIn` of accounts chosen at random.

use anyhow::Context as _;
use contract::proto::auth::{SignInRequest, SignInResponse};
use http::Request;
use prost::{Message as _, bytes::Bytes};

use super::{AUTH_SERVICE, protocol::Protocol, template::Template};
use crate::{
    caller::PASSWORD,
    generator::{Answer, Calls},
    population::{email, id},
    random::Random,
};

/// Sign-ins with the right password.
pub(crate) struct SignIns {
    template: Template,
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
            template: Template::grpc(address, AUTH_SERVICE, "SignIn")?,
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
        (self.template.post(self.bodies[body].clone()), account)
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
