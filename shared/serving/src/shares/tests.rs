//! Unit tests of shares.

use super::*;

const LIST: CallKind = CallKind(1);
const GET: CallKind = CallKind(2);

fn address(text: &str) -> Principal {
    Principal::Address(text.parse().unwrap())
}

fn user(number: u128) -> Principal {
    Principal::User(UserId::from(uuid::Uuid::from_u128(number)))
}

#[test]
fn a_principal_over_its_share_is_refused_while_others_are_not() {
    let shares = Shares::new(8, 25);
    let greedy = [user(1), user(1)].map(|user| shares.take(user).unwrap());
    assert_eq!(shares.take(user(1)).unwrap_err(), Reason::RateLimited);
    let _others = [user(2), address("192.0.2.1"), Principal::Service]
        .map(|principal| shares.take(principal).unwrap());
    drop(greedy);
    let _again = shares.take(user(1)).unwrap();
    assert_eq!(shares.in_use(), 4);
}

#[test]
fn all_together_have_no_more_than_the_total() {
    let shares = Shares::new(3, 34);
    let _all = [1, 2, 3].map(|number| shares.take(user(number)).unwrap());
    assert_eq!(shares.take(user(4)).unwrap_err(), Reason::Overloaded);
    let service = shares.take(Principal::Service);
    assert_eq!(service.unwrap_err(), Reason::Overloaded);
}

#[test]
fn a_64_of_ipv6_counts_as_one_address_and_larger_blocks_have_more() {
    let shares = Shares::new(10, 10);
    let _first = shares.take(address("2001:db8::1")).unwrap();
    let same = shares.take(address("2001:db8::ffff:1"));
    assert_eq!(same.unwrap_err(), Reason::RateLimited);
    let _second = shares.take(address("2001:db8:0:1::1")).unwrap();
    let third = shares.take(address("2001:db8:0:2::1"));
    assert_eq!(third.unwrap_err(), Reason::RateLimited, "the /56");
    let _other_site = shares.take(address("2001:db8:0:100::1")).unwrap();
    let fourth = shares.take(address("2001:db8:0:200::1"));
    assert_eq!(fourth.unwrap_err(), Reason::RateLimited, "the /48");
    let mapped = shares.take(address("::ffff:192.0.2.1")).unwrap();
    let same = shares.take(address("192.0.2.1"));
    assert_eq!(same.unwrap_err(), Reason::RateLimited);
    drop(mapped);
}

#[test]
fn everyone_has_at_least_one_unit_and_what_is_refused_is_not_held() {
    let shares = Shares::new(1, 1);
    let mut only = shares.take(user(1)).unwrap();
    assert_eq!(only.add(1), Err(Reason::Overloaded));
    assert_eq!(shares.in_use(), 1);
    only.give_back(5);
    assert_eq!(shares.in_use(), 0);
    drop(only);
    assert!(
        shares.held().by_key.is_empty(),
        "no principal is remembered"
    );
}

#[test]
fn what_is_larger_than_a_share_is_allowed_to_a_principal_that_holds_nothing() {
    let shares = Shares::new(100, 25);
    let mut large = shares.share(user(1));
    large.add_or_be_first(200, LIST).unwrap();
    let mut second = shares.share(user(1));
    assert_eq!(second.add_or_be_first(1, LIST), Err(Reason::Overloaded));
    drop(large);
    second.add_or_be_first(20, LIST).unwrap();
    let mut third = shares.share(user(1));
    assert_eq!(third.add_or_be_first(6, LIST), Err(Reason::RateLimited));
    // It may come in parts.
    second.add_or_be_first(6, LIST).unwrap();
    shares
        .share(Principal::Service)
        .add_or_be_first(99, LIST)
        .unwrap();
}

#[test]
fn the_first_kilobyte_of_a_request_needs_no_share() {
    let shares = Shares::new(100, 100);
    let mut first = shares.share(user(1));
    first.hold_arrived(FREE_BYTES).unwrap();
    assert_eq!(shares.in_use(), 0);
    first.hold_arrived(FREE_BYTES + 40).unwrap();
    first.hold_arrived(FREE_BYTES + 100).unwrap();
    assert_eq!(shares.in_use(), 100);
    let mut second = shares.share(user(2));
    second.hold_arrived(FREE_BYTES).unwrap();
    let refused = second.hold_arrived(FREE_BYTES + 1);
    assert_eq!(refused, Err(Reason::Overloaded));
}

#[test]
fn a_call_whose_answer_did_not_fit_is_refused_before_it_runs_until_there_is_room() {
    let shares = Shares::new(100, 50);
    let mut held = shares.share(user(1));
    held.add_or_be_first(30, LIST).unwrap();
    let mut next = shares.share(user(1));
    next.expect(LIST).unwrap();
    assert_eq!(next.add_or_be_first(25, LIST), Err(Reason::RateLimited));
    assert_eq!(next.expect(LIST), Err(Reason::RateLimited));
    next.expect(GET).unwrap();
    shares.share(user(2)).expect(LIST).unwrap();
    held.give_back(5);
    next.expect(LIST).unwrap();
    next.add_or_be_first(25, LIST).unwrap();
    drop((held, next));
    shares.share(user(1)).expect(LIST).unwrap();
}

#[test]
fn an_answer_longer_than_a_share_is_expected_to_fit_once_nothing_is_held() {
    let shares = Shares::new(100, 50);
    let mut held = shares.share(user(1));
    held.add_or_be_first(1, GET).unwrap();
    let mut long = shares.share(user(1));
    assert_eq!(long.add_or_be_first(80, LIST), Err(Reason::RateLimited));
    assert_eq!(long.expect(LIST), Err(Reason::RateLimited));
    drop(held);
    long.expect(LIST).unwrap();
    long.add_or_be_first(80, LIST).unwrap();
}
