// Errors by reason. A client decides by the reason, never by the message.
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import type { ServerReason } from "./gen/reasons.js";

export type { ServerReason };
/**
 * A reason that only this SDK has. `SIGNED_OUT`: the call needs a session and there is none, so it was not sent.
 * `SESSION_REPLACED`: while the call was under way, this browser signed out or another session took its place.
 * `NETWORK`: no answer came; the server may have done what was asked. `CANCELED`: the caller's signal ended the call.
 * `COOKIES_UNSUPPORTED`: the server answered a sign-in without keeping the refresh token in a cookie.
 */
export type ClientReason = "SIGNED_OUT" | "SESSION_REPLACED" | "NETWORK" | "CANCELED" | "COOKIES_UNSUPPORTED";
/** Why a call failed. */
export type Reason = ServerReason | ClientReason;

/** One field of a request that the server refused. */
export interface FieldViolation {
    /** The path of the field, such as `task.title`. */
    readonly field: string;
    readonly description: string;
    /** A reason of this field, such as `FIELD_INVALID`; may be empty. */
    readonly reason: string;
}

interface Facts {
    reason: Reason | undefined;
    metadata: Readonly<Record<string, string>>;
    violations: readonly FieldViolation[];
    retryAfterMs: number | undefined;
    requestId: string | undefined;
}

/** What every method of the SDK throws. `cause` is the error of the protocol or of the network. */
export class TandemError extends Error implements Facts {
    override readonly name = "TandemError";
    /** Undefined if the answer has none, for example because a proxy made it. A newer server may have further reasons. */
    readonly reason: Reason | undefined;
    /** The status code. */
    readonly code: Code;
    /** More about the reason, such as the `limit` of a quota. */
    readonly metadata: Readonly<Record<string, string>>;
    /** Every field that was refused. */
    readonly violations: readonly FieldViolation[];
    /** How long the server asks to wait before the next attempt. */
    readonly retryAfterMs: number | undefined;
    /** Identifies the call in the logs of the server. */
    readonly requestId: string | undefined;

    constructor(message: string, code: Code, facts: Partial<Facts>, cause?: unknown) {
        super(message, { cause });
        this.code = code;
        this.reason = facts.reason;
        this.metadata = facts.metadata ?? {};
        this.violations = facts.violations ?? [];
        this.retryAfterMs = facts.retryAfterMs;
        this.requestId = facts.requestId;
    }

    /** Makes a TandemError of whatever was thrown. */
    static from(error: unknown): TandemError {
        if (error instanceof TandemError) return error;
        const status = ConnectError.from(error);
        if (status.cause instanceof TandemError) return status.cause;
        return new TandemError(status.rawMessage, codeOf(status), factsOf(status), status);
    }

    /** Whether this error has one of `reasons`. */
    is(...reasons: Reason[]): boolean {
        return this.reason !== undefined && reasons.includes(this.reason);
    }
}

/** The reason of any error, or undefined. */
export function reasonOf(error: unknown): Reason | undefined {
    return TandemError.from(error).reason;
}

/** Whether an answer of the server says what went wrong; otherwise nobody knows whether the call was done. */
function isNetworkError(status: ConnectError): boolean {
    return status.code === Code.Unknown && status.cause instanceof TypeError;
}

function codeOf(status: ConnectError): Code {
    return isNetworkError(status) ? Code.Unavailable : status.code;
}

function factsOf(status: ConnectError): Facts {
    const info = status.findDetails(ErrorInfoSchema).find((detail) => detail.domain === "tandem");
    const delay = status.findDetails(RetryInfoSchema)[0]?.retryDelay;
    return {
        reason: (info?.reason as ServerReason | undefined) ?? clientReason(status),
        metadata: info?.metadata ?? {},
        violations: status.findDetails(BadRequestSchema).flatMap((detail) =>
            detail.fieldViolations.map(({ field, description, reason }) => ({ field, description, reason })),
        ),
        retryAfterMs: delay && Number(delay.seconds) * 1000 + Math.ceil(delay.nanos / 1e6),
        requestId: status.findDetails(RequestInfoSchema)[0]?.requestId,
    };
}

function clientReason(status: ConnectError): Reason | undefined {
    if (isNetworkError(status)) return "NETWORK";
    if (status.code === Code.Canceled) return "CANCELED";
    return status.code === Code.DeadlineExceeded ? "DEADLINE_EXCEEDED" : undefined;
}

/** Something else happened to the session meanwhile, so the answer is dropped. */
export function replaced(cause?: unknown): TandemError {
    const text = "the session of this browser has changed during the call";
    return new TandemError(text, Code.Aborted, { reason: "SESSION_REPLACED" }, cause);
}

/** A call that needs a session is not sent without one. */
export function signedOut(): TandemError {
    return new TandemError("nobody is signed in", Code.Unauthenticated, { reason: "SIGNED_OUT" });
}
