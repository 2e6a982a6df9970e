//! The RPCs of the tour, each written down once.

/// The part that serves an RPC.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Auth,
    Task,
}

/// What becomes of the answer.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// It is shown.
    Shown,
    /// A field of it is kept in a variable of the shell.
    Kept {
        variable: &'static str,
        field: &'static str,
    },
    /// It is shown, and a field of it kept.
    ShownAndKept {
        variable: &'static str,
        field: &'static str,
    },
}

/// One RPC of the tour.
pub(super) struct Call {
    pub(super) note: &'static str,
    pub(super) part: Part,
    pub(super) method: &'static str,
    /// In JSON, as it stands between single quotes in a shell.
    pub(super) message: &'static str,
    pub(super) with_token: bool,
    pub(super) answer: Answer,
}

/// An account of one's own, and the life of its first task.
pub(super) const FIRST_TASK: [Call; 6] = [
    Call {
        note: "An account of your own (once).",
        part: Part::Auth,
        method: "tandem.auth.v1.AuthService/SignUp",
        message: r#"{"email": "me@example.com", "password": "a password of my own"}"#,
        with_token: false,
        answer: Answer::Shown,
    },
    Call {
        note: "A token, good for about five minutes: repeat this when it has expired.",
        part: Part::Auth,
        method: "tandem.auth.v1.AuthService/SignIn",
        message: r#"{"email": "me@example.com", "password": "a password of my own"}"#,
        with_token: false,
        answer: Answer::Kept {
            variable: "TOKEN",
            field: "accessToken",
        },
    },
    Call {
        note: "Create a task, and keep its id.",
        part: Part::Task,
        method: "tandem.task.v1.TaskService/CreateTask",
        message: r#"{"task": {"title": "Buy milk", "labels": ["home"]}}"#,
        with_token: true,
        answer: Answer::ShownAndKept {
            variable: "TASK",
            field: "id",
        },
    },
    Call {
        note: "List what is to do.",
        part: Part::Task,
        method: "tandem.task.v1.TaskService/ListTasks",
        message: r#"{"filter": "status = PENDING"}"#,
        with_token: true,
        answer: Answer::Shown,
    },
    Call {
        note: "Update it: done.",
        part: Part::Task,
        method: "tandem.task.v1.TaskService/UpdateTask",
        message: r#"{"task": {"id": "'$TASK'", "status": "TASK_STATUS_COMPLETED"}, "update_mask": "status"}"#,
        with_token: true,
        answer: Answer::Shown,
    },
    Call {
        note: "Delete it. UndeleteTask brings it back within 30 days.",
        part: Part::Task,
        method: "tandem.task.v1.TaskService/DeleteTask",
        message: r#"{"id": "'$TASK'"}"#,
        with_token: true,
        answer: Answer::Shown,
    },
];

pub(super) const HEALTH: [Call; 3] = [
    Call {
        note: "Is it ready?",
        part: Part::Task,
        method: "grpc.health.v1.Health/Check",
        message: r#"{"service": "readiness"}"#,
        with_token: false,
        answer: Answer::Shown,
    },
    Call {
        note: "The health of every service.",
        part: Part::Task,
        method: "grpc.health.v1.Health/List",
        message: "{}",
        with_token: false,
        answer: Answer::Shown,
    },
    Call {
        note: "Every change of it, until Ctrl-C.",
        part: Part::Auth,
        method: "grpc.health.v1.Health/Watch",
        message: r#"{"service": "readiness"}"#,
        with_token: false,
        answer: Answer::Shown,
    },
];
