//! What works.

use std::path::Path;

use serde_json::{Value, json};

use super::curl::{Answer, curl, send, sign_up, token};
use crate::{stack::Stack, tools::run};

/// Runs the command of the seed's plan with this name, as it is but for the address, the token and the id.
fn seed(stack: &Stack, name: &str, token: &str, id: &str) -> Answer {
    let commands = include_str!("seed_commands.txt");
    let command = commands.lines().find_map(|line| line.strip_prefix(name));
    let gateway = stack.addresses().gateway.to_string();
    let command = command
        .unwrap()
        .replace("localhost:8000", &gateway)
        .replace("<token>", token)
        .replace("/api/tasks/1", &format!("/api/tasks/{id}"));
    let command = command.replacen("curl", "curl -q -s -i", 1);
    let output = run(Path::new("/bin/bash"), &["-euc", &command], &[]);
    Answer::parse(&output.stdout_of_success())
}

fn assert_is_the_task_of_the_seed(task: &Value) {
    let keys: Vec<_> = task.as_object().unwrap().keys().collect();
    let expected = [
        "created_at",
        "description",
        "id",
        "status",
        "title",
        "updated_at",
        "user_id",
    ];
    assert_eq!(keys, expected);
    assert_eq!(task["title"], "Test Task");
    assert_eq!(
        (&task["status"], &task["description"]),
        (&json!("pending"), &Value::Null)
    );
}

#[tokio::test]
async fn the_commands_of_the_seed_work_unchanged() {
    let stack = Stack::start().await;
    let mine = token(&stack, "a@example.com");
    let theirs = token(&stack, "b@example.com");

    let created = seed(&stack, "T055", &mine, "");
    assert_eq!(created.status, 201, "{created:?}");
    let task = created.json();
    assert_is_the_task_of_the_seed(&task);
    let id = task["id"].as_str().unwrap();

    let listed = seed(&stack, "T056", &mine, "");
    assert_eq!((listed.status, listed.json()), (200, json!([task])));
    let read = seed(&stack, "T057", &mine, id);
    assert_eq!((read.status, read.json()), (200, task.clone()));
    let updated = seed(&stack, "T058", &mine, id);
    assert_eq!(updated.status, 200, "{updated:?}");
    assert_eq!(updated.json()["status"], "completed");
    assert_eq!(updated.json()["title"], "Test Task");
    assert!(updated.json()["updated_at"].as_str() > task["updated_at"].as_str());

    // T060: the task of another user is no task.
    assert_eq!(seed(&stack, "T056", &theirs, "").json(), json!([]));
    for command in ["T057", "T058", "T059"] {
        seed(&stack, command, &theirs, id).assert_refused(404, "Task not found");
    }
    // The ids of the seed are numbers: such a task is not there.
    seed(&stack, "T057", &mine, "1").assert_refused(404, "Task not found");

    let deleted = seed(&stack, "T059", &mine, id);
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    for command in ["T057", "T058", "T059"] {
        seed(&stack, command, &mine, id).assert_refused(404, "Task not found");
    }
    let nothing = send(&stack, "PUT", &format!("/api/tasks/{id}"), &mine, "{}");
    nothing.assert_refused(404, "Task not found");
    assert_eq!(seed(&stack, "T056", &mine, "").json(), json!([]));
}

#[tokio::test]
async fn a_list_has_the_oldest_first_and_its_limits() {
    let stack = Stack::start().await;
    let token = token(&stack, "a@example.com");
    for title in ["1", "2", "3"] {
        let body = json!({ "title": title }).to_string();
        assert_eq!(
            send(&stack, "POST", "/api/tasks", &token, &body).status,
            201
        );
    }
    let titles = |query: &str| {
        let answer = send(&stack, "GET", &format!("/api/tasks{query}"), &token, "");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let tasks = answer.json();
        let tasks = tasks.as_array().unwrap().iter();
        tasks
            .map(|task| task["title"].as_str().unwrap())
            .collect::<String>()
    };
    assert_eq!(titles(""), "123");
    assert_eq!(titles("?limit=2"), "12");
    assert_eq!(titles("?limit=2&offset=2&x=y"), "3");
    assert_eq!(titles("?offset=10000&limit=200"), "");
}

#[tokio::test]
async fn an_update_changes_only_the_fields_that_it_has() {
    let stack = Stack::start().await;
    let token = token(&stack, "a@example.com");
    let body = json!({ "title": "A", "description": "B", "status": "in_progress", "x": 1 });
    let task = send(&stack, "POST", "/api/tasks", &token, &body.to_string()).json();
    let path = format!("/api/tasks/{}", task["id"].as_str().unwrap());
    let update = |body: &str| {
        let answer = send(&stack, "PUT", &path, &token, body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let task = answer.json();
        json!([task["title"], task["description"], task["status"]])
    };
    assert_eq!(update("{}"), json!(["A", "B", "in_progress"]));
    assert_eq!(
        update(r#"{"title":"x","title":"C"}"#),
        json!(["C", "B", "in_progress"])
    );
    assert_eq!(
        update(r#"{"description":null}"#),
        json!(["C", null, "in_progress"])
    );
    let refused = send(
        &stack,
        "PUT",
        &path,
        &token,
        r#"{"title":null,"status":"done"}"#,
    );
    refused.assert_invalid(&[
        ("string_type", json!(["body", "title"])),
        ("enum", json!(["body", "status"])),
    ]);
}

#[tokio::test]
async fn a_session_begins_goes_on_and_ends() {
    let stack = Stack::start().await;
    let user = sign_up(&stack, "a@example.com");
    let auth = |action: &str, body: Value| {
        send(
            &stack,
            "POST",
            &format!("/api/auth/{action}"),
            "",
            &body.to_string(),
        )
    };
    let good = json!({ "email": "A@example.com", "password": "correct horse battery" });
    auth("sign-up", good.clone()).assert_refused(409, "an account with this email exists");
    let signed_in = auth("sign-in", good).json();
    assert_eq!(signed_in["user_id"], user["user_id"]);
    assert_eq!(signed_in["token_type"], "Bearer");
    assert!(signed_in["expires_in"].as_i64().unwrap() > 0);

    let refresh = json!({ "refresh_token": signed_in["refresh_token"] });
    let tokens = auth("refresh", refresh);
    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert_eq!(tokens.header("set-cookie"), None);
    let tokens = tokens.json();
    assert_eq!(tokens["session_id"], signed_in["session_id"]);
    let access = tokens["access_token"].as_str().unwrap();
    let whose = send(&stack, "GET", "/protected", access, "");
    assert_eq!(whose.json(), json!({ "user_id": user["user_id"] }));

    let end = json!({ "refresh_token": tokens["refresh_token"] });
    assert_eq!(auth("sign-out", end.clone()).status, 204);
    let refused = auth("refresh", end);
    assert_eq!(refused.status, 401, "{refused:?}");
    assert_eq!(refused.header("tandem-reason"), Some("SESSION_REVOKED"));
    let wrong = auth(
        "sign-in",
        json!({ "email": "a@example.com", "password": "wrong" }),
    );
    wrong.assert_refused(401, "The email address or the password is wrong.");
    assert_eq!(wrong.header("www-authenticate"), Some("Bearer"));
    assert_eq!(wrong.header("tandem-reason"), Some("CREDENTIALS_INVALID"));
}

#[tokio::test]
async fn a_cookie_is_no_token() {
    let stack = Stack::start().await;
    let token = token(&stack, "a@example.com");
    let cookie = format!("cookie: access_token={token}; authorization=Bearer {token}");
    let answer = curl(&stack, "/api/tasks", &["-H", &cookie]);
    answer.assert_refused(401, "Not authenticated");
}
