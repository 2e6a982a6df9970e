//! Refresh tokens and page tokens.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use contract::proto::{
    auth::{
        RefreshTokensRequest, SignOutRequest, SignUpRequest, auth_service_client::AuthServiceClient,
    },
    task::{ListTasksRequest, task_service_client::TaskServiceClient},
};
use proptest::{collection::vec, prelude::*};
use tonic::Code;

use super::{
    Fuzzed, assert_expected,
    filters::{authorized, create_tasks},
    inputs,
};

/// A token that is not `valid`: changed in its text or in its bytes, or of any characters.
fn other_than(valid: &str) -> impl Strategy<Value = String> + use<> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(valid).unwrap();
    let encode = |bytes: Vec<u8>| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let valid = valid.to_owned();
    prop_oneof![
        inputs::changed_text(&valid),
        inputs::changed(bytes).prop_map(encode),
        vec(any::<u8>(), 0..200).prop_map(encode),
        ".{0,200}",
    ]
    .prop_filter("the valid one", move |text| *text != valid)
}

#[test]
fn refresh_token() {
    let fuzzed = Fuzzed::start();
    let channel = fuzzed.channel(fuzzed.stack.addresses().auth);
    let client = || AuthServiceClient::new(channel.clone());
    let sign_up = SignUpRequest {
        email: "ada@example.org".to_owned(),
        password: "a long enough password".to_owned(),
        ..SignUpRequest::default()
    };
    let answer = fuzzed.runtime.block_on(client().sign_up(sign_up)).unwrap();
    let valid = answer.into_inner().tokens.unwrap().refresh_token;
    let inputs = (other_than(&valid), vec(any::<u8>(), 0..80));
    fuzzed.check(&inputs, |(refresh_token, attempt_tag)| {
        let refresh = RefreshTokensRequest {
            refresh_token: refresh_token.clone(),
            attempt_tag,
        };
        let answer = fuzzed.runtime.block_on(client().refresh_tokens(refresh));
        let refreshed = assert_expected(
            answer,
            &[
                (Code::Unauthenticated, "REFRESH_TOKEN_INVALID"),
                (Code::InvalidArgument, "FIELD_INVALID"),
            ],
        )?;
        prop_assert!(refreshed.is_none(), "a changed token was accepted");
        let mut client = client();
        let sign_out = client.sign_out(SignOutRequest { refresh_token });
        assert_expected(
            fuzzed.runtime.block_on(sign_out),
            &[(Code::InvalidArgument, "FIELD_INVALID")],
        )?;
        Ok(())
    });
    let refresh = RefreshTokensRequest {
        refresh_token: valid,
        ..RefreshTokensRequest::default()
    };
    let answer = fuzzed.runtime.block_on(client().refresh_tokens(refresh));
    assert!(answer.is_ok(), "the valid token is still good: {answer:?}");
}

#[test]
fn page_token() {
    let fuzzed = Fuzzed::start();
    let channel = fuzzed.channel(fuzzed.stack.addresses().task);
    let client = || TaskServiceClient::new(channel.clone());
    let token = fuzzed.stack.running.token();
    fuzzed.runtime.block_on(create_tasks(&channel, &token, 3));
    let page = |page_token, page_size, skip| {
        let request = ListTasksRequest {
            page_token,
            page_size,
            skip,
            ..ListTasksRequest::default()
        };
        let mut client = client();
        let call = client.list_tasks(authorized(&token, request));
        fuzzed.runtime.block_on(call)
    };
    let first = page(String::new(), 1, 0).unwrap().into_inner();
    let inputs = (
        other_than(&first.next_page_token),
        any::<i32>(),
        any::<i32>(),
    );
    fuzzed.check(&inputs, |(page_token, page_size, skip)| {
        let empty = page_token.is_empty();
        let refusals = [(Code::InvalidArgument, "FIELD_INVALID")];
        let answer = assert_expected(page(page_token, page_size, skip), &refusals)?;
        prop_assert!(answer.is_none() || empty, "a changed token was accepted");
        Ok(())
    });
}
