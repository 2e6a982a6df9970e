//! Metrics are counted and can be read.

use telemetry::metrics::{
    Metrics, definitions::LabelDefinition, definitions::exposed_by, labels::Label as _,
};

telemetry::metric_labels! {
    /// How a sign-in ended.
    SignIn = "result" {
        /// It succeeded.
        Ok = "ok",
        /// It was refused.
        Wrong = "wrong",
    }
}

telemetry::metric_definitions! {
    SIGN_INS = Counter "tandem.auth.sign_ins" ["{sign_in}"] { LabelDefinition::of::<SignIn>() } by exposed_by::AUTH =>
        "Sign-ins.";
}

#[test]
fn each_value_of_a_label_is_counted_separately_from_zero() {
    let metrics = Metrics::of_service("counting", "1.2.3");
    let sign_ins = metrics.counters::<SignIn>(&SIGN_INS);
    for (number, value) in SignIn::VALUES.iter().enumerate() {
        let zero = format!("tandem_auth_sign_ins_total{{result=\"{value}\"}} 0\n");
        assert!(metrics.text().contains(&zero), "{zero}");
        assert_eq!(SignIn::VALUES[number], *value);
    }
    sign_ins.add(SignIn::Wrong);
    sign_ins.add(SignIn::Wrong);
    let text = metrics.text();
    assert!(text.contains("{result=\"wrong\"} 2\n"), "{text}");
    assert!(text.contains("{result=\"ok\"} 0\n"), "{text}");
    let build = "tandem_build_info{service=\"counting\",version=\"1.2.3\"} 1";
    assert!(text.contains(build), "{text}");
}

#[test]
fn metrics_that_are_off_show_nothing() {
    let metrics = Metrics::off();
    let sign_ins = metrics.counters::<SignIn>(&SIGN_INS);
    sign_ins.add(SignIn::Ok);
    assert_eq!(metrics.text(), "");
}
