// The state that a page shows.
import type { Account } from "./gen/tandem/auth/v1/account_pb.js";
import type { Session, SessionState, SessionStatus } from "./types.js";

/** The state, and who wants to hear of changes. */
export class ObservableSession implements Session {
    #state: SessionState = { status: "unknown" };
    readonly #listeners = new Set<(state: SessionState) => void>();

    get state(): SessionState {
        return this.#state;
    }

    get status(): SessionStatus {
        return this.#state.status;
    }

    get account(): Account | undefined {
        return this.#state.account;
    }

    subscribe(listener: (state: SessionState) => void): () => void {
        const entry = (state: SessionState) => listener(state);
        this.#listeners.add(entry);
        return () => this.#listeners.delete(entry);
    }

    /** Replaces the state. Nothing waits for a listener, and a listener that throws stops nobody. */
    set(next: SessionState): void {
        const now = this.#state as unknown as Record<string, unknown>;
        const then = next as unknown as Record<string, unknown>;
        const fields = ["status", "sessionId", "account", "endedBy", "problem"];
        if (fields.every((field) => now[field] === then[field])) return;
        this.#state = next;
        for (const listener of [...this.#listeners]) {
            try {
                listener(next);
            } catch (error) {
                (globalThis.reportError ?? console.error)(error);
            }
        }
    }
}
