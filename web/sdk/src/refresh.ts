// One refresh: with which tag, how long, and when to ask again at once.
import { Code } from "@connectrpc/connect";
import { orAborted } from "./environment.js";
import { TandemError, replaced } from "./errors.js";
import type { Grant, SessionCalls } from "./gateway.js";
import { momentOf } from "./lifetime.js";
import type { Moment } from "./lifetime.js";
import type { AttemptTags } from "./tags.js";
import type { Clock } from "./types.js";

/** After these the cookie may already be a newer one, of this or of another tab. */
const ASK_AGAIN = ["REFRESH_TOKEN_STALE", "SESSION_CHANGED", "REFRESH_TOKEN_INVALID"] as const;
const ATTEMPTS = 3;

/** What a refresh is for. */
export interface RefreshRequest {
    /** The session that the cookie should be of; undefined: whatever session it is of. */
    readonly sessionId: string | undefined;
    /** Empty if it is in the cookie. */
    readonly refreshToken: string;
    /** Whether nobody has signed in or out since. */
    readonly isCurrent: () => boolean;
}

export interface RefreshAnswer {
    readonly grant: Grant;
    /** When it was asked for. */
    readonly asked: Moment;
}

export class Refresher {
    readonly #calls: SessionCalls;
    readonly #tags: AttemptTags;
    readonly #clock: Clock;
    readonly #timeoutMs: number;
    #stop = new AbortController();

    constructor(calls: SessionCalls, tags: AttemptTags, clock: Clock, timeoutMs: number) {
        this.#calls = calls;
        this.#tags = tags;
        this.#clock = clock;
        this.#timeoutMs = timeoutMs;
    }

    /** Ends the refresh that is under way with SESSION_REPLACED. */
    stop(): void {
        this.#stop.abort(replaced());
        this.#stop = new AbortController();
    }

    async get(request: RefreshRequest): Promise<RefreshAnswer> {
        const stop = this.#stop.signal;
        let { sessionId } = request;
        for (let attempt = 1; ; attempt += 1) {
            try {
                return await this.#once({ ...request, sessionId }, stop);
            } catch (error) {
                if (!request.isCurrent() || stop.aborted) throw replaced(error);
                const failure = TandemError.from(error);
                // Without a session before, an absent cookie is no surprise.
                const again = failure.is(...ASK_AGAIN) && (sessionId !== undefined || !failure.is("REFRESH_TOKEN_INVALID"));
                if (!again || attempt === ATTEMPTS || !this.#calls.cookies) throw failure;
                if (failure.is("SESSION_CHANGED")) sessionId = undefined;
            }
        }
    }

    async #once(request: RefreshRequest, stop: AbortSignal): Promise<RefreshAnswer> {
        const end = new AbortController();
        const stopped = () => end.abort(stop.reason);
        const late = () => end.abort(new TandemError("the refresh took too long", Code.DeadlineExceeded, { reason: "DEADLINE_EXCEEDED" }));
        const cancelTimer = this.#clock.after(this.#timeoutMs, late);
        stop.addEventListener("abort", stopped, { once: true });
        try {
            const tag = await this.#tags.obtain();
            if (!request.isCurrent() || stop.aborted) throw replaced();
            const asked = momentOf(this.#clock);
            const answer = this.#calls.refresh(request.refreshToken, tag, request.sessionId, end.signal);
            const grant = await orAborted(answer, end.signal);
            if (!request.isCurrent()) throw replaced();
            return { grant, asked };
        } finally {
            cancelTimer();
            stop.removeEventListener("abort", stopped);
        }
    }
}
