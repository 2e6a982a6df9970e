import type { Client, Transport } from "@connectrpc/connect";
import type { Account } from "./gen/tandem/auth/v1/account_pb.js";
import type { AccountService } from "./gen/tandem/auth/v1/account_service_pb.js";
import type { AuthService } from "./gen/tandem/auth/v1/auth_service_pb.js";
import type { Task } from "./gen/tandem/task/v1/task_pb.js";
import type { TaskService } from "./gen/tandem/task/v1/task_service_pb.js";
import type { TandemError } from "./errors.js";

/** The time, as the SDK reads it. Tests replace it. */
export interface Clock {
    /** The wall clock in milliseconds, as `Date.now()`. It goes on while the device sleeps, and may be set. */
    now(): number;
    /** Milliseconds of a clock that nobody sets, as `performance.now()`. It may stop while the device sleeps. */
    monotonic(): number;
    /** Calls `action` once, after `delay` milliseconds. Returns how to cancel that. */
    after(delay: number, action: () => void): () => void;
}

/** What is kept of a session beside the cookie: nothing with which one could call the server. */
export interface TagRecord {
    /** The attempt tag: 32 random bytes that all tabs of this browser send with a refresh. */
    readonly tag: Uint8Array;
    /** The session that the tag belongs to, once it is known. */
    readonly sessionId?: string | undefined;
    /** True from a sign-out until the server has ended the session. */
    readonly signingOut?: boolean | undefined;
}

/** Where the {@link TagRecord} is kept. All tabs must see the same record. */
export interface TagStorage {
    /** Reads the record, passes it to `change`, and writes the result (none: removes it), all in one transaction. */
    update(change: (current: TagRecord | undefined) => TagRecord | undefined): Promise<TagRecord | undefined>;
}

/** A hint to the other tabs. It never contains a token. */
export interface SessionHint {
    /** The session that the hint is about. */
    readonly sessionId: string;
    /** When access tokens of the session were last replaced (wall clock, milliseconds). Older ones are no longer valid. */
    readonly generation: number;
    /** Whether the session has ended. */
    readonly signedOut: boolean;
}

/** The part of a `BroadcastChannel` that the SDK uses. */
export interface HintChannel {
    postMessage(hint: SessionHint): void;
    onmessage: ((event: { data: unknown }) => void) | null;
    close(): void;
}

/** The events of a page that make the SDK look again, and whether the page can be seen. Tests replace it. */
export interface PageEvents {
    /** Calls `resume` when the page comes back; `restored` is true after a freeze or from the back-forward cache. */
    subscribe(resume: (restored: boolean) => void): () => void;
    /** Whether the page is hidden: then nothing is refreshed ahead of time. */
    hidden(): boolean;
}

/** Makes the transport of a protocol. `createConnectTransport` and `createGrpcWebTransport` of connect-web are such functions. */
export type TransportFactory = (options: {
    baseUrl: string;
    fetch: typeof globalThis.fetch;
    defaultTimeoutMs: number;
    interceptors: import("@connectrpc/connect").Interceptor[];
}) => Transport;

/** The settings of {@link createTandem}. All have defaults for a page that the gateway serves or that shares its origin. */
export interface TandemOptions {
    /** The address of the gateway. Default: the origin of the page. */
    baseUrl?: string;
    /** The protocol. `grpc-web` is loaded when it is first used. Default: `connect`. */
    transport?: "connect" | "grpc-web" | TransportFactory;
    /**
     * Where the refresh token is kept. `cookie`: in a cookie that no script can read; it needs the gateway's own origin and
     * https (or loopback). `memory`: in this object, so a reload signs out; for other origins and for other programs.
     * Default: `cookie`.
     */
    refreshToken?: "cookie" | "memory";
    /** Where the attempt tag is kept. Default: IndexedDB; if the browser has none that works, memory. */
    storage?: TagStorage | "memory";
    /** How tabs send each other hints. Default: a `BroadcastChannel` where there is one. */
    channel?: HintChannel | "none";
    /** Default: the events of `window` and `document`. */
    page?: PageEvents;
    /** Default: the clocks of the browser. */
    clock?: Clock;
    /** Default: `fetch` of the browser. */
    fetch?: typeof globalThis.fetch;
    /** A number from 0 to 1, for jitter only. Default: `Math.random`. */
    random?: () => number;
    /** The deadline of a call that has none of its own, in milliseconds. Default: 10,000. */
    timeoutMs?: number;
}

/** `unknown`: the server has not been asked yet, or could not be. */
export type SessionStatus = "unknown" | "signed-out" | "signed-in";

/** What is known about the session of this browser. A new object for every change. */
export interface SessionState {
    readonly status: SessionStatus;
    /** The session's id while signed in. */
    readonly sessionId?: string | undefined;
    /** The account while signed in. After a reload it follows a moment after the status. */
    readonly account?: Account | undefined;
    /** Why the session ended, if the server ended it or another tab signed out. */
    readonly endedBy?: TandemError | "other-tab" | undefined;
    /** Why the last refresh or sign-out could not be done. It is tried again. */
    readonly problem?: TandemError | undefined;
}

/** The session of this browser. */
export interface Session {
    /** The state now. The object is the same until something changes. */
    readonly state: SessionState;
    readonly status: SessionStatus;
    readonly account: Account | undefined;
    /** Calls `listener` after every change. Returns how to end that. */
    subscribe(listener: (state: SessionState) => void): () => void;
}

/** The credentials and texts of a sign-in. */
export interface SignInInput {
    email: string;
    password: string;
    /** What to call this device in the list of sessions. */
    deviceLabel?: string;
}

/** The credentials and texts of a sign-up. */
export interface SignUpInput extends SignInInput {
    displayName?: string;
}

/** A change of the password. */
export interface ChangePasswordInput {
    currentPassword: string;
    newPassword: string;
    /** Also revokes all API keys of the account. */
    revokeApiKeys?: boolean;
}

/** How to make one call. */
export interface CallSettings {
    signal?: AbortSignal;
    timeoutMs?: number;
}

/** The RPCs of AuthService that are not about the session. Those that are, are methods of {@link Tandem}. */
export type AuthClient = Pick<Client<typeof AuthService>, "exchangeApiKey" | "getJsonWebKeySet">;
/** AccountService without the RPCs that are methods of {@link Tandem}. */
export type AccountClient = Omit<Client<typeof AccountService>, "changePassword" | "deleteAccount">;
/** TaskService. */
export type TaskClient = Client<typeof TaskService>;

/** The fields of a new task. */
export type NewTask = Partial<Pick<Task, "title" | "description" | "status" | "dueTime" | "priority" | "labels">>;
/** The fields of a task that {@link Tandem.updateTask} can change. `dueTime: undefined` removes it. */
export type TaskChanges = { [Field in keyof NewTask]: NewTask[Field] | undefined };

/** A connection to Tandem: the session of this browser, and calls that need not think about it. */
export interface Tandem {
    readonly session: Session;
    readonly auth: AuthClient;
    readonly account: AccountClient;
    readonly tasks: TaskClient;
    /** Creates an account and signs in. */
    signUp(input: SignUpInput): Promise<Account>;
    /** Signs in. The session before, if any, is not ended, but this browser leaves it. */
    signIn(input: SignInInput): Promise<Account>;
    /**
     * Signs out. From the call on, no call carries a token. Rejects if the server could not be reached: then the session is
     * ended when it can be, also after a reload.
     */
    signOut(): Promise<void>;
    /** Finds out, after a page load, whether this browser is signed in. Does not reject if the server cannot be reached. */
    restore(): Promise<SessionState>;
    /** Changes the password. Every other session ends, this one goes on. */
    changePassword(input: ChangePasswordInput): Promise<void>;
    /** Deletes the account with everything in it, and signs out. */
    deleteAccount(currentPassword: string): Promise<void>;
    /**
     * Creates a task exactly once: after a lost answer it asks again with the same request id. Pass a `requestId` of your own
     * (a UUID) to make it once over several calls.
     */
    createTask(task: NewTask, settings?: CallSettings & { requestId?: string }): Promise<Task>;
    /**
     * Changes fields of the task that you have read. If the task has changed since, `onConflict` gets the newest task and
     * returns the changes to make to it, or undefined to stop; without it the error ETAG_MISMATCH is thrown.
     */
    updateTask(
        task: Pick<Task, "id" | "etag">,
        changes: TaskChanges,
        settings?: CallSettings & { onConflict?: (newest: Task) => TaskChanges | undefined | Promise<TaskChanges | undefined> },
    ): Promise<Task>;
    /** Ends timers, listeners and the channel. The session goes on. */
    close(): void;
}
