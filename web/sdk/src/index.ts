/** Sign-in, sessions and typed calls of Tandem for browsers. */
export { Code } from "@connectrpc/connect";
export { createTandem } from "./tandem.js";
export { TandemError, reasonOf } from "./errors.js";
export type { ClientReason, FieldViolation, Reason, ServerReason } from "./errors.js";
export type * from "./types.js";
export { AccountRole, AccountState } from "./gen/tandem/auth/v1/account_pb.js";
export type { Account, Session as AccountSession } from "./gen/tandem/auth/v1/account_pb.js";
export type { ApiKey } from "./gen/tandem/auth/v1/account_service_pb.js";
export { TaskPriority, TaskStatus } from "./gen/tandem/task/v1/task_pb.js";
export type { Task } from "./gen/tandem/task/v1/task_pb.js";
