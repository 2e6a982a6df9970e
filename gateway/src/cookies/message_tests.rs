//! Rewritten messages compared with what prost makes of them.

use contract::proto::auth::{Account, RefreshTokensRequest, SignInResponse, TokenPair};
use proptest::{collection::vec, prelude::*};
use prost::Message as _;

use super::*;

const TOKENS: u32 = 2;

fn pair(refresh_token: &str) -> TokenPair {
    TokenPair {
        access_token: "an-access-token".to_owned(),
        refresh_token: refresh_token.to_owned(),
        session_id: "0193c8a4-7b1e-7c3f-8a52-6f0d9e1b2c34".to_owned(),
        token_type: "Bearer".to_owned(),
        refresh_token_expires_in: Some(prost_types::Duration {
            seconds: 1_209_600,
            nanos: 5,
        }),
        ..TokenPair::default()
    }
}

fn answer(tokens: Option<TokenPair>) -> SignInResponse {
    SignInResponse {
        account: Some(Account {
            email: "ada@example.org".to_owned(),
            ..Account::default()
        }),
        tokens,
    }
}

/// A field that no version of the contract has.
fn unknown() -> Vec<u8> {
    let mut bytes = Vec::new();
    push(&mut bytes, 900, b"from a newer service");
    encode_key(901, WireType::Varint, &mut bytes);
    encode_varint(u64::MAX, &mut bytes);
    encode_key(902, WireType::SixtyFourBit, &mut bytes);
    bytes.extend_from_slice(&[7; 8]);
    encode_key(903, WireType::ThirtyTwoBit, &mut bytes);
    bytes.extend_from_slice(&[7; 4]);
    bytes
}

#[test]
fn only_the_refresh_token_is_taken_out_and_unknown_fields_are_kept() {
    let mut tokens = pair("the-refresh-token").encode_to_vec();
    tokens.extend(unknown());
    let mut message = answer(None).encode_to_vec();
    push(&mut message, TOKENS, &tokens);
    message.extend(unknown());
    let (rest, taken) = without_refresh_token(&message, TOKENS).unwrap().unwrap();
    assert_eq!(taken.refresh_token, "the-refresh-token");
    assert_eq!(taken.session_id, "0193c8a4-7b1e-7c3f-8a52-6f0d9e1b2c34");
    assert_eq!(taken.expires_in, Duration::new(1_209_600, 5));
    let decoded = SignInResponse::decode(rest.clone()).unwrap();
    assert_eq!(decoded, answer(Some(pair(""))));
    let kept = rest.windows(unknown().len());
    assert_eq!(kept.filter(|window| *window == unknown()).count(), 2);
}

#[test]
fn a_pair_in_pieces_loses_every_refresh_token() {
    let mut message = answer(Some(pair("first"))).encode_to_vec();
    push(&mut message, TOKENS, &pair("second").encode_to_vec());
    let (rest, taken) = without_refresh_token(&message, TOKENS).unwrap().unwrap();
    assert_eq!(taken.refresh_token, "second");
    let decoded = SignInResponse::decode(rest).unwrap();
    assert_eq!(decoded.tokens.unwrap().refresh_token, "");
}

#[test]
fn an_answer_without_tokens_is_left_as_it_is() {
    let message = answer(None).encode_to_vec();
    assert_eq!(without_refresh_token(&message, TOKENS), Ok(None));
    assert_eq!(without_refresh_token(&[], TOKENS), Ok(None));
}

#[test]
fn an_answer_that_may_still_have_the_token_is_refused() {
    let elsewhere = SignInResponse {
        account: Some(Account {
            display_name: "x-the-refresh-token-y".to_owned(),
            ..Account::default()
        }),
        tokens: Some(pair("the-refresh-token")),
    };
    let mut number = Vec::new();
    encode_key(TOKENS, WireType::Varint, &mut number);
    encode_varint(7, &mut number);
    let whole = answer(Some(pair("the-refresh-token"))).encode_to_vec();
    let mut group = Vec::new();
    encode_key(8, WireType::StartGroup, &mut group);
    encode_key(8, WireType::EndGroup, &mut group);
    for message in [
        elsewhere.encode_to_vec(),
        answer(Some(pair(""))).encode_to_vec(),
        number,
        whole[..whole.len() - 1].to_vec(),
        [whole, group].concat(),
        vec![0xff],
        vec![0x12, 0x02, 0x1a, 0x05],
        vec![0x12, 0x03, 0x1a, 0x01, 0xff],
    ] {
        assert!(
            without_refresh_token(&message, TOKENS).is_err(),
            "{message:?}"
        );
    }
}

#[test]
fn a_token_is_filled_into_a_request_and_the_rest_is_kept() {
    let request = RefreshTokensRequest {
        refresh_token: String::new(),
        attempt_tag: vec![7; 32],
    };
    let mut message = request.encode_to_vec();
    message.extend(unknown());
    assert_eq!(text(&message, 1), Ok(String::new()));
    let filled = with_text(&message, 1, "a-token");
    assert_eq!(text(&filled, 1), Ok("a-token".to_owned()));
    let decoded = RefreshTokensRequest::decode(filled).unwrap();
    assert_eq!(decoded.refresh_token, "a-token");
    assert_eq!(decoded.attempt_tag, [7; 32]);
}

proptest! {
    #[test]
    fn every_answer_decodes_to_the_same_without_its_token(
        email in ".{0,20}",
        access_token in "[a-z]{0,300}",
        refresh_token in "[A-Z0-9_-]{20,200}",
        seconds in 0..34_560_000_i64,
    ) {
        let mut whole = answer(Some(pair(&refresh_token)));
        whole.account.as_mut().unwrap().email = email;
        let tokens = whole.tokens.as_mut().unwrap();
        tokens.access_token = access_token;
        tokens.refresh_token_expires_in = Some(prost_types::Duration { seconds, nanos: 0 });
        let (rest, taken) = without_refresh_token(&whole.encode_to_vec(), TOKENS).unwrap().unwrap();
        prop_assert_eq!(&taken.refresh_token, &refresh_token);
        prop_assert_eq!(taken.expires_in, Duration::from_secs(seconds.cast_unsigned()));
        whole.tokens.as_mut().unwrap().refresh_token.clear();
        prop_assert_eq!(SignInResponse::decode(rest).unwrap(), whole);
    }

    #[test]
    fn whatever_is_not_refused_has_no_token_that_prost_would_find(bytes in vec(any::<u8>(), 0..100)) {
        if let Ok(Some((rest, _))) = without_refresh_token(&bytes, TOKENS)
            && let Ok(decoded) = SignInResponse::decode(rest)
        {
            prop_assert_eq!(decoded.tokens.unwrap_or_default().refresh_token, "");
        }
    }
}
