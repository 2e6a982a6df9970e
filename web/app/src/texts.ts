// What a person reads for each reason. Nothing else of the page decides how an error is worded.
import { TandemError } from "@tandem/sdk";

const TRY_AGAIN = "Please try again in a moment.";

const TEXTS: Readonly<Record<string, string>> = {
    // Signing in and sessions.
    CREDENTIALS_INVALID: "The email address or the password is wrong.",
    EMAIL_TAKEN: "There is already an account with this email address. Sign in instead.",
    TOKEN_MISSING: "Your session has ended. Please sign in again.",
    TOKEN_INVALID: "Your session has ended. Please sign in again.",
    TOKEN_EXPIRED: "Your session has ended. Please sign in again.",
    TOKEN_REVOKED: "Your session has ended. Please sign in again.",
    REFRESH_TOKEN_INVALID: "Your session has ended. Please sign in again.",
    REFRESH_TOKEN_EXPIRED: "You were away for a long time. Please sign in again.",
    REFRESH_TOKEN_STALE: "This tab was out of date. Please try again.",
    REFRESH_TOKEN_REUSED:
        "Someone else used a copy of this session, so it was ended. Sign in again, and change your password if this was not you.",
    SESSION_REVOKED: "This session was ended, perhaps from another device. Please sign in again.",
    SESSION_CHANGED: "Another tab of this browser signed in to another account. Load the page again to continue.",
    SESSION_REPLACED: "Another tab of this browser signed in or out meanwhile. Nothing was sent twice.",
    SESSION_NOT_FOUND: "This session has ended already.",
    SIGNED_OUT: "Please sign in first.",
    ORIGIN_REFUSED: "This page was opened in a way that the server does not trust. Open its own address, then sign in.",
    COOKIES_NEED_HTTPS: "Signing in needs a secure address. Open this page with https://.",
    COOKIES_UNSUPPORTED: "This server cannot keep you signed in. Its gateway is older than this page.",
    SCOPE_MISSING: "You do not have the permission for this.",
    // Tasks.
    TASK_NOT_FOUND: "This task is gone. It may have been deleted somewhere else.",
    TASK_DELETED: "This task was deleted somewhere else. Restore it to change it.",
    TASK_NOT_DELETED: "This task was restored already.",
    TASK_QUOTA_EXCEEDED: "You have reached the largest number of tasks. Deleted tasks count until they are removed for good.",
    ETAG_MISMATCH: "This was changed somewhere else in the meantime.",
    CONFLICT: "Something else changed this at the same moment. Please try again.",
    // API keys and the account.
    API_KEY_NOT_FOUND: "This API key was revoked already.",
    API_KEY_INVALID: "This API key does not work any more.",
    API_KEY_QUOTA_EXCEEDED: "You have reached the largest number of API keys. Revoke one that you no longer use.",
    LAST_ADMIN: "This is the last administrator's account, so it cannot be deleted.",
    ACCOUNT_NOT_FOUND: "There is no such account.",
    // Requests.
    FIELD_INVALID: "Please check the marked fields.",
    REQUEST_ID_REUSED: "This was sent before with other contents. Please try again.",
    REQUEST_MALFORMED: "The server could not read this request. Load the page again and try once more.",
    REQUEST_TOO_LARGE: "This is too long to be saved.",
    RESUME_TOKEN_EXPIRED: "This list is out of date. Load the page again.",
    // Servers and networks.
    NETWORK: `The server cannot be reached. Check your connection. ${TRY_AGAIN}`,
    DEADLINE_EXCEEDED: `The server took too long to answer. ${TRY_AGAIN}`,
    RATE_LIMITED: "That was too often.",
    DATABASE_UNAVAILABLE: `Your tasks cannot be reached right now. ${TRY_AGAIN}`,
    OVERLOADED: `The server is busy. ${TRY_AGAIN}`,
    DRAINING: `The server is restarting. ${TRY_AGAIN}`,
    REVOCATION_FEED_STALE: `The server cannot check who you are right now. ${TRY_AGAIN}`,
    VERIFICATION_KEYS_UNAVAILABLE: `The server cannot check who you are right now. ${TRY_AGAIN}`,
    UPSTREAM_UNAVAILABLE: `A part of the server is not running. ${TRY_AGAIN}`,
    SLOW_CONSUMER: `Your connection was too slow. ${TRY_AGAIN}`,
    SERVICE_NOT_FOUND: "The server does not know this. It may be older than this page.",
    METHOD_UNKNOWN: "The server does not know this. It may be older than this page.",
    COMPRESSION_UNSUPPORTED: "The server could not read this request. Load the page again and try once more.",
    CANCELED: "This was stopped.",
    INTERNAL: "Something went wrong in the server.",
};

/** One or two sentences for a person. */
export function textOf(error: unknown): string {
    const failure = TandemError.from(error);
    const known = failure.reason && TEXTS[failure.reason];
    if (failure.is("RATE_LIMITED")) return `${known} ${waiting(failure.retryAfterMs)}`;
    if (known && !failure.is("INTERNAL")) return known;
    const id = failure.requestId ? ` If it happens again, report the number ${failure.requestId}.` : "";
    return `${known ?? "Something went wrong."} ${TRY_AGAIN}${id}`;
}

/** How long to wait. */
export function waiting(milliseconds: number | undefined): string {
    if (milliseconds === undefined) return TRY_AGAIN;
    const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
    if (seconds < 90) return `Please wait ${seconds} ${seconds === 1 ? "second" : "seconds"}.`;
    return `Please wait ${Math.ceil(seconds / 60)} minutes.`;
}

/** What the server says about a field, as a sentence. `field` is the end of its path, such as `title`. */
export function violationOf(error: unknown, field: string): string | undefined {
    if (error === undefined) return undefined;
    const names = (path: string) => path === field || path.endsWith(`.${field}`) || path.includes(`${field}[`);
    const found = TandemError.from(error).violations.find((violation) => names(violation.field));
    return found && sentence(found.description);
}

/** A text of the server as a sentence. */
export function sentence(text: string): string {
    const trimmed = text.trim();
    const begin = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
    return /[.!?]$/.test(begin) ? begin : `${begin}.`;
}

/** Whether every violation is about one of `fields`, so that no message beside the fields is needed. */
export function isAtFields(error: unknown, fields: readonly string[]): boolean {
    const { violations } = TandemError.from(error);
    return violations.length > 0 && violations.every((violation) => fields.some((field) => violationOf(error, field) === sentence(violation.description)));
}

/** The reasons that have a text. */
export const KNOWN_REASONS: readonly string[] = Object.keys(TEXTS);
