// What a tab holds of its session, and what it works with.
import type { SessionCalls } from "./gateway.js";
import type { Hints } from "./hints.js";
import type { Lifetime } from "./lifetime.js";
import type { AttemptTags } from "./tags.js";
import type { Clock, PageEvents } from "./types.js";

/** What a call holds: the token, and for whom. `identity` stays the same over refreshes of one session. */
export interface Lease {
    readonly token: string;
    readonly identity: object;
}

export interface Held extends Lease {
    readonly sessionId: string;
    /** Empty if it is in the cookie. */
    readonly refreshToken: string;
    /** When the token was asked for (wall clock), to compare with a hint. */
    readonly generation: number;
    readonly life: Lifetime;
    /** False once the server or another tab has said that the token is no longer valid. */
    readonly trusted: boolean;
}

export interface Surroundings {
    readonly calls: SessionCalls;
    readonly tags: AttemptTags;
    readonly clock: Clock;
    readonly random: () => number;
    readonly hints: Hints;
    readonly page: PageEvents;
    /** Deadline of a refresh, in milliseconds. */
    readonly timeoutMs: number;
}
