// The attempt tag: 32 random bytes that this browser makes when it signs in and sends with every refresh, so that the server
// knows a retry of this browser from the use of a stolen cookie.
import { randomBytes } from "./environment.js";
import type { Clock, TagRecord, TagStorage } from "./types.js";

/** A storage that hangs must not hold a sign-in. */
const STORAGE_TIMEOUT_MS = 1_000;

type Change = (current: TagRecord | undefined) => TagRecord | undefined;

/**
 * The record of the browser. Every use reads the storage, since the tabs must send the same tag; what was read last is kept,
 * for when the storage does not work or was erased.
 */
export class AttemptTags {
    readonly #storage: TagStorage | undefined;
    readonly #clock: Clock;
    #last: TagRecord | undefined;
    /** True while an update hangs. */
    #hanging = false;

    constructor(storage: TagStorage | undefined, clock: Clock) {
        this.#storage = storage;
        this.#clock = clock;
    }

    /**
     * A new tag for a sign-in. It is stored before the server is asked, so that a tab that meets the new cookie has it too.
     * While another session has its record, the new tag waits for {@link bind}, since tabs may be refreshing that session.
     */
    async create(): Promise<Uint8Array> {
        const fresh = randomBytes(32);
        const record = await this.#update((current) => current ?? { tag: fresh });
        return record && record.sessionId === undefined ? record.tag : fresh;
    }

    /** Keeps the tag of a session that this tab has begun, unless another tab has already given the session one. */
    async bind(tag: Uint8Array, sessionId: string): Promise<void> {
        await this.#update((current) => {
            const isOthers = current?.sessionId !== undefined && current.sessionId !== sessionId;
            return { tag: current && !isOthers ? current.tag : tag, sessionId };
        });
    }

    /** The tag for a refresh. If the storage was erased it is the last one, or a new one, which the server accepts. */
    async obtain(): Promise<Uint8Array> {
        const fallback: TagRecord = this.#last ?? { tag: randomBytes(32) };
        const record = await this.#update((current) => current ?? fallback);
        return (record ?? fallback).tag;
    }

    /** The record as it is. */
    read(): Promise<TagRecord | undefined> {
        return this.#update((current) => current ?? this.#last);
    }

    /** Notes which session the tag belongs to. */
    async note(sessionId: string): Promise<void> {
        await this.#update((current) => (current && current.sessionId !== sessionId ? { tag: current.tag, sessionId } : current));
    }

    /** Notes that the session is to be ended, until {@link forget}. */
    async noteSignOut(sessionId: string | undefined): Promise<void> {
        const isIt = (current: TagRecord) => sessionId === undefined || current.sessionId === sessionId;
        await this.#update((current) => (current && isIt(current) ? { ...current, signingOut: true } : current));
    }

    /** Forgets the tag of a session that has ended, unless another session has begun since. */
    async forget(sessionId: string | undefined): Promise<void> {
        await this.#update((current) => (current?.sessionId === sessionId ? undefined : current));
    }

    async #update(change: Change): Promise<TagRecord | undefined> {
        try {
            this.#last = await this.#inStorage(change);
        } catch {
            this.#last = change(this.#last);
        }
        return this.#last;
    }

    #inStorage(change: Change): Promise<TagRecord | undefined> {
        const storage = this.#storage;
        if (storage === undefined || this.#hanging) return Promise.reject(new Error("no storage"));
        return new Promise((resolve, reject) => {
            const cancel = this.#clock.after(STORAGE_TIMEOUT_MS, () => {
                this.#hanging = true;
                reject(new Error("the storage does not answer"));
            });
            const settled = () => {
                cancel();
                this.#hanging = false;
            };
            const update = Promise.resolve().then(() => storage.update(change));
            void update.then(resolve, reject).then(settled);
        });
    }
}
