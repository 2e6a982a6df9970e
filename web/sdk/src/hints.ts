// What the tabs of a browser tell each other. They would work without it: a hint only makes them look sooner.
import type { HintChannel, SessionHint } from "./types.js";

const REMEMBERED_ENDINGS = 16;

function isHint(value: unknown): value is SessionHint {
    const hint = value as Partial<SessionHint> | null;
    return typeof hint?.sessionId === "string" && typeof hint.generation === "number" && typeof hint.signedOut === "boolean";
}

export class Hints {
    readonly #channel: HintChannel | undefined;
    /** The last sessions that ended, for an answer that is still under way. */
    readonly #endings: string[] = [];

    constructor(channel: HintChannel | undefined) {
        this.#channel = channel;
    }

    listen(hear: (hint: SessionHint) => void): void {
        if (this.#channel) this.#channel.onmessage = ({ data }) => isHint(data) && hear(data);
    }

    post(hint: SessionHint): void {
        try {
            this.#channel?.postMessage(hint);
        } catch {
            // A closed channel: the other tabs find out when they ask the server.
        }
    }

    noteEnding(sessionId: string): void {
        this.#endings.push(sessionId);
        if (this.#endings.length > REMEMBERED_ENDINGS) this.#endings.shift();
    }

    hasEnded(sessionId: string): boolean {
        return this.#endings.includes(sessionId);
    }

    close(): void {
        this.#channel?.close();
    }
}
