// How long an access token is good, by two clocks.
import type { Clock } from "./types.js";

/** A moment by both clocks. */
export interface Moment {
    readonly wall: number;
    readonly monotonic: number;
}

export function momentOf(clock: Clock): Moment {
    return { wall: clock.now(), monotonic: clock.monotonic() };
}

/** The part of its life after which a token is refreshed: from 70 % to 80 %, so that tabs and devices spread out. */
const REFRESH_AT = 0.7;
const REFRESH_JITTER = 0.1;
/** A call is not sent with a token that ends sooner than this: the call has to arrive too. */
const LAST_MOMENT_MS = 5_000;

/**
 * The life of one access token, counted from when it was asked for. The monotonic clock may stop in sleep and the wall clock
 * may be set back, so the one that says more has passed is right.
 */
export class Lifetime {
    readonly #start: Moment;
    readonly #length: number;
    readonly #refreshAfter: number;

    constructor(start: Moment, length: number, random: number) {
        this.#start = start;
        this.#length = length;
        this.#refreshAfter = length * (REFRESH_AT + REFRESH_JITTER * random);
    }

    #passed(clock: Clock): number {
        const { wall, monotonic } = this.#start;
        return Math.max(clock.now() - wall, clock.monotonic() - monotonic);
    }

    /** Milliseconds until the token should be refreshed; 0 if that is due. */
    untilRefresh(clock: Clock): number {
        return Math.max(0, this.#refreshAfter - this.#passed(clock));
    }

    /** Whether a call may still be sent with the token. */
    isUsable(clock: Clock): boolean {
        return this.#passed(clock) < this.#length - Math.min(LAST_MOMENT_MS, this.#length / 10);
    }
}
