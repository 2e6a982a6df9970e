//! Email addresses of sign-up and sign-in.

use contract::proto::auth::{SignInRequest, SignUpRequest, auth_service_client::AuthServiceClient};
use proptest::prelude::*;
use tonic::Code;

use super::{Fuzzed, assert_expected, inputs};

const PASSWORD: &str = "a long enough password";

const PIECES: &[&str] = &[
    "a",
    "B",
    "@",
    "@",
    ".",
    "..",
    "x.test",
    "example",
    "xn--",
    "xn--bcher-kva",
    "bücher",
    "ß",
    "İ",
    "e\u{301}",
    "\u{200b}",
    "\u{200d}",
    "\u{ad}",
    "\u{3002}",
    "\u{ff0e}",
    "\u{fe52}",
    "\u{130}",
    "\u{e000}",
    "\u{10ffff}",
    "\"",
    "(",
    "[127.0.0.1]",
    "mailto:",
    "+",
    "-",
    "_",
    "\\",
    " ",
    "\0",
    "\r\n",
    "<a@x.test>",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

#[test]
fn email() {
    let fuzzed = Fuzzed::start();
    let channel = fuzzed.channel(fuzzed.stack.addresses().auth);
    let client = || AuthServiceClient::new(channel.clone());
    let input = prop_oneof![
        inputs::pieces(PIECES, 9),
        inputs::changed_text("Ada.Lovelace+1@bücher.example"),
        "[a-zA-Z.]{1,9}@\\PC{1,20}",
    ];
    let refusals = [(Code::InvalidArgument, "FIELD_INVALID")];
    fuzzed.check(&input, |email| {
        let sign_up = SignUpRequest {
            email: email.clone(),
            password: PASSWORD.to_owned(),
            ..SignUpRequest::default()
        };
        let sign_in = SignInRequest {
            email,
            password: PASSWORD.to_owned(),
            ..SignInRequest::default()
        };
        let answer = fuzzed.runtime.block_on(client().sign_up(sign_up));
        let taken = [&refusals[..], &[(Code::AlreadyExists, "EMAIL_TAKEN")]].concat();
        let opened = assert_expected(answer, &taken)?.is_some();
        let answer = fuzzed.runtime.block_on(client().sign_in(sign_in));
        // An address that only the older rule allowed may be tried here, but has no account.
        let unknown = [
            (Code::Unauthenticated, "CREDENTIALS_INVALID"),
            (Code::ResourceExhausted, "RATE_LIMITED"),
        ];
        let signed_in = assert_expected(answer, &[&refusals[..], &unknown].concat())?.is_some();
        prop_assert!(signed_in || !opened, "an account that cannot sign in");
        Ok(())
    });
}
