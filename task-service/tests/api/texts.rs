//! Texts of people: titles, labels and descriptions, as the service takes and stores them.

use contract::proto::task::{CreateTaskRequest, CreateTaskResponse, Task};
use testing::{assert_refused, violations};
use tonic::{Code, Status};

use crate::world::{User, World, titled};

async fn create(user: &User, task: Task) -> Result<CreateTaskResponse, Status> {
    let request = CreateTaskRequest {
        task: Some(task),
        ..Default::default()
    };
    user.create_task(request).await
}

/// The title as it is stored.
async fn stored_title(user: &User, title: &str) -> String {
    let created = create(user, titled(title)).await.unwrap();
    user.get(&created.task.unwrap().id).await.unwrap().title
}

#[tokio::test]
async fn a_title_is_trimmed_and_must_be_visible() {
    let world = World::new().await;
    let user = world.user();
    assert_eq!(
        stored_title(&user, "\u{a0} Buy  milk \u{3000}").await,
        "Buy  milk"
    );
    let family = "👨\u{200d}👩\u{200d}👧";
    for joined in [family, "می\u{200c}خواهم"] {
        assert_eq!(stored_title(&user, joined).await, joined);
    }
    for (title, reason) in [
        ("   ", "REQUIRED"),
        ("\u{3164}", "NOT_VISIBLE"),
        ("\u{2800}\u{2800}", "NOT_VISIBLE"),
        ("\u{115f}", "NOT_VISIBLE"),
        ("\u{1160} \u{ffa0}", "NOT_VISIBLE"),
        ("\u{200d}", "NOT_VISIBLE"),
        ("\u{200b}", "FORBIDDEN_CHARACTER"),
        ("pay\u{202e}gpj.exe", "FORBIDDEN_CHARACTER"),
        ("a\u{2028}b", "FORBIDDEN_CHARACTER"),
        ("\u{feff}a", "FORBIDDEN_CHARACTER"),
    ] {
        let refused = create(&user, titled(title)).await.unwrap_err();
        assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
        let expected = [("task.title".to_owned(), reason.to_owned())];
        assert_eq!(violations(&refused), expected, "{title:?}");
    }
}

#[tokio::test]
async fn labels_and_descriptions_follow_the_same_rule_and_cr_lf_becomes_lf() {
    let world = World::new().await;
    let user = world.user();
    let task = |description: &str, labels: &[&str]| Task {
        description: description.to_owned(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        ..titled("t")
    };
    let stored = user
        .create(task("  one\r\n\ttwo\r\n", &[" home", "home "]))
        .await;
    assert_eq!(stored.description, "  one\n\ttwo\n");
    assert_eq!(stored.labels, ["home"]);
    let refused = create(
        &user,
        task("a\u{202e}b", &[" ", "\u{3164}", "a\u{2066}b", "\u{200b}"]),
    );
    let refused = refused.await.unwrap_err();
    assert_refused(&refused, Code::InvalidArgument, "FIELD_INVALID");
    let expected = [
        ("task.description", "FORBIDDEN_CHARACTER"),
        ("task.labels[0]", "REQUIRED"),
        ("task.labels[1]", "NOT_VISIBLE"),
        ("task.labels[2]", "FORBIDDEN_CHARACTER"),
        ("task.labels[3]", "FORBIDDEN_CHARACTER"),
    ];
    assert_eq!(
        violations(&refused),
        expected.map(|(f, r)| (f.to_owned(), r.to_owned()))
    );
    let lone = create(&user, task("a\rb", &[])).await.unwrap_err();
    assert_eq!(violations(&lone)[0].1, "CONTROL_CHARACTER");
}
