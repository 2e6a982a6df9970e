// Where the attempt tag is kept: IndexedDB, so that all tabs have the same one and a reload finds it.
import type { TagRecord, TagStorage } from "./types.js";

const STORE = "session";

function finished<T>(request: IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
}

function committed(transaction: IDBTransaction): Promise<void> {
    return new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
}

/** The record, if it is one: anything else counts as none. */
function parse(value: unknown): TagRecord | undefined {
    const tag = (value as TagRecord | undefined)?.tag;
    return tag instanceof Uint8Array && tag.length >= 16 && tag.length <= 64 ? (value as TagRecord) : undefined;
}

/** A record of its own for each gateway that this origin talks to. */
export class IndexedDbStorage implements TagStorage {
    readonly #key: string;
    #database: Promise<IDBDatabase> | undefined;

    constructor(key: string) {
        this.#key = key;
    }

    async update(change: (current: TagRecord | undefined) => TagRecord | undefined): Promise<TagRecord | undefined> {
        const database = await this.#open();
        const transaction = database.transaction(STORE, "readwrite");
        const done = committed(transaction);
        // If the read fails, `done` fails too, and nobody may be left to hear of it.
        done.catch(() => {});
        const store = transaction.objectStore(STORE);
        const current = parse(await finished(store.get(this.#key)));
        const next = change(current);
        if (next === undefined) store.delete(this.#key);
        else if (next !== current) store.put(next, this.#key);
        await done;
        if (next === current) return next;
        return this.#readBack(database, next);
    }

    /** Some browsers report a write that they did not make. */
    async #readBack(database: IDBDatabase, written: TagRecord | undefined): Promise<TagRecord | undefined> {
        const read = parse(await finished(database.transaction(STORE).objectStore(STORE).get(this.#key)));
        // Another tab may have written in between: then its record counts.
        if (written !== undefined && read === undefined) {
            throw new Error("the browser lost the record that it stored");
        }
        return read;
    }

    #open(): Promise<IDBDatabase> {
        this.#database ??= this.#openOnce().catch((error: unknown) => {
            this.#database = undefined;
            throw error;
        });
        return this.#database;
    }

    async #openOnce(): Promise<IDBDatabase> {
        const request = indexedDB.open("tandem", 1);
        request.onupgradeneeded = () => request.result.createObjectStore(STORE);
        const database = await finished(request);
        const forget = () => {
            this.#database = undefined;
        };
        // The browser closes it when it erases the site's data; a newer version of the SDK needs it closed.
        database.onclose = forget;
        database.onversionchange = () => {
            database.close();
            forget();
        };
        return database;
    }
}

/** The storage of the browser, if there is one. Reading `indexedDB` may already throw. */
export function browserStorage(key: string): TagStorage | undefined {
    try {
        return globalThis.indexedDB ? new IndexedDbStorage(key) : undefined;
    } catch {
        return undefined;
    }
}
