//! The header `grpc-timeout`, at a service and at the gateway.

use http::{HeaderValue, StatusCode};
use proptest::prelude::*;
use tonic::Code;

use super::{Fuzzed, inputs, peer::Peer};

const METHOD: &str = "tandem.auth.v1.AuthService/GetJsonWebKeySet";
/// The frame of an empty message.
const EMPTY: [u8; 5] = [0; 5];

#[test]
fn grpc_timeout() {
    let fuzzed = Fuzzed::start();
    let addresses = fuzzed.stack.addresses();
    let service = fuzzed.runtime.block_on(Peer::connect(addresses.auth));
    let gateway = fuzzed.runtime.block_on(Peer::connect(addresses.gateway));
    let value = prop_oneof![
        "[0-9]{0,10}[HMSmunhs ]{0,2}",
        "[ -~]{0,12}",
        inputs::changed_text("99999999S").prop_map(|text| text.replace(char::is_control, "")),
    ];
    let answers = |code: i32| {
        [Code::Ok, Code::InvalidArgument, Code::DeadlineExceeded].contains(&Code::from_i32(code))
    };
    fuzzed.check(&value, |value| {
        let Ok(value) = HeaderValue::from_str(&value) else {
            return Ok(());
        };
        let mut codes = Vec::new();
        for (peer, content_type) in [
            (&service, "application/grpc"),
            (&gateway, "application/grpc-web"),
        ] {
            let headers = [
                ("content-type", HeaderValue::from_static(content_type)),
                ("te", HeaderValue::from_static("trailers")),
                ("grpc-timeout", value.clone()),
            ];
            let answer = peer.post(&fuzzed.runtime, METHOD, &headers, EMPTY.to_vec());
            let answer = answer.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(answer.http, StatusCode::OK);
            let code = answer.grpc_status();
            prop_assert!(code.is_some_and(answers), "{:?}", answer);
            codes.push(code == Some(Code::InvalidArgument as i32));
        }
        // Both hops have one opinion of what is malformed.
        prop_assert_eq!(codes[0], codes[1]);
        Ok(())
    });
}
