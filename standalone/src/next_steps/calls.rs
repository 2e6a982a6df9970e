//! The RPCs that the printed commands call, each defined once.

/// The part that serves an RPC.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Auth,
    Task,
}

/// What the command does with the answer.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    /// Prints it.
    Print,
    /// Stores a field of it in a variable of the shell.
    Store {
        variable: &'static str,
        field: &'static str,
    },
    /// Prints it, and stores a field of it.
    PrintAndStore {
        variable: &'static str,
        field: &'static str,
    },
}

/// A message in JSON, in the form that it has between single quotes in a shell.
pub(super) enum Message {
    /// Every tool takes it.
    Same(&'static str),
    /// It has a field mask. grpcurl takes a mask only as an object with paths; buf and the JSON of Protocol Buffers have it as one text.
    ByTool {
        grpcurl: &'static str,
        json: &'static str,
    },
}

/// One RPC, as one command.
pub(super) struct Call {
    pub(super) note: &'static str,
    pub(super) part: Part,
    pub(super) method: &'static str,
    pub(super) message: Message,
    pub(super) with_token: bool,
    pub(super) answer: Answer,
}

/// Creates a task, in one command.
pub(super) const CREATE_TASK: Call = Call {
    note: "Create a task.",
    part: Part::Task,
    method: "tandem.task.v1.TaskService/CreateTask",
    message: Message::Same(r#"{"task": {"title": "Buy milk"}}"#),
    with_token: true,
    answer: Answer::Print,
};

/// Creates an account, and creates, lists, updates and deletes its first task.
pub(super) const FIRST_TASK: [Call; 6] = [
    Call {
        note: "An account of your own (once).",
        part: Part::Auth,
        method: "tandem.auth.v1.AuthService/SignUp",
        message: Message::Same(
            r#"{"email": "me@example.com", "password": "a password of my own"}"#,
        ),
        with_token: false,
        answer: Answer::Print,
    },
    Call {
        note: "A token, valid for about five minutes. Repeat this when it has expired.",
        part: Part::Auth,
        method: "tandem.auth.v1.AuthService/SignIn",
        message: Message::Same(
            r#"{"email": "me@example.com", "password": "a password of my own"}"#,
        ),
        with_token: false,
        answer: Answer::Store {
            variable: "TOKEN",
            field: "accessToken",
        },
    },
    Call {
        note: "Create a task, and store its id.",
        part: Part::Task,
        method: "tandem.task.v1.TaskService/CreateTask",
        message: Message::Same(r#"{"task": {"title": "Buy milk", "labels": ["home"]}}"#),
        with_token: true,
        answer: Answer::PrintAndStore {
            variable: "TASK",
            field: "id",
        },
    },
    Call {
        note: "List the open tasks.",
        part: Part::Task,
        method: "tandem.task.v1.TaskService/ListTasks",
        message: Message::Same(r#"{"filter": "status = PENDING"}"#),
        with_token: true,
        answer: Answer::Print,
    },
    Call {
        note: "Mark it as completed.",
        part: Part::Task,
        method: "tandem.task.v1.TaskService/UpdateTask",
        message: Message::ByTool {
            grpcurl: r#"{"task": {"id": "'$TASK'", "status": "TASK_STATUS_COMPLETED"}, "update_mask": {"paths": ["status"]}}"#,
            json: r#"{"task": {"id": "'$TASK'", "status": "TASK_STATUS_COMPLETED"}, "updateMask": "status"}"#,
        },
        with_token: true,
        answer: Answer::Print,
    },
    Call {
        note: "Delete it. UndeleteTask brings it back within 30 days.",
        part: Part::Task,
        method: "tandem.task.v1.TaskService/DeleteTask",
        message: Message::Same(r#"{"id": "'$TASK'"}"#),
        with_token: true,
        answer: Answer::Print,
    },
];

pub(super) const HEALTH: [Call; 3] = [
    Call {
        note: "Is it ready?",
        part: Part::Task,
        method: "grpc.health.v1.Health/Check",
        message: Message::Same(r#"{"service": "readiness"}"#),
        with_token: false,
        answer: Answer::Print,
    },
    Call {
        note: "The health of every service.",
        part: Part::Task,
        method: "grpc.health.v1.Health/List",
        message: Message::Same("{}"),
        with_token: false,
        answer: Answer::Print,
    },
    Call {
        note: "Every change of its health, until Ctrl-C.",
        part: Part::Auth,
        method: "grpc.health.v1.Health/Watch",
        message: Message::Same(r#"{"service": "readiness"}"#),
        with_token: false,
        answer: Answer::Print,
    },
];
