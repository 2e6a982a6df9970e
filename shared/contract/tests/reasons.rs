//! `docs/errors.md` is generated from the registry of reasons.

use std::{fmt::Write as _, fs};

use contract::reason::Reason;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");

fn page() -> String {
    let mut page = String::from(
        "# Errors\n\n\
         Every response with a status other than OK contains `google.rpc.ErrorInfo` with `domain` = `tandem` and one of these\n\
         reasons, and `google.rpc.RequestInfo` with the request id, which identifies the call in the logs. Clients should decide\n\
         by the reason, never by the message. `INVALID_ARGUMENT` contains `BadRequest` with every violation.\n\
         `RESOURCE_EXHAUSTED` and `UNAVAILABLE` contain `RetryInfo`. A client can retry a call unchanged only after\n\
         `UNAVAILABLE` (AIP-194). After `ABORTED`, it should start the whole operation again.\n\n\
         | reason | code | description |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        let code = format!("{:?}", reason.code());
        writeln!(
            page,
            "| `{}` | {} | {} |",
            reason.as_str(),
            upper_snake_case(&code),
            reason.description()
        )
        .expect("a string takes any text");
    }
    page
}

/// `InvalidArgument` as the gRPC protocol spells it.
fn upper_snake_case(code: &str) -> String {
    let mut text = String::new();
    for (at, c) in code.char_indices() {
        if c.is_uppercase() && at > 0 {
            text.push('_');
        }
        text.push(c.to_ascii_uppercase());
    }
    text
}

#[test]
fn the_page_of_errors_is_generated_from_the_registry() {
    let expected = page();
    let found = fs::read_to_string(PAGE).unwrap_or_default();
    if found != expected {
        fs::write(PAGE, &expected).unwrap();
        panic!("docs/errors.md was out of date and has been rewritten: review and commit it");
    }
}
