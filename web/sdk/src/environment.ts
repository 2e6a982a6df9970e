// What the SDK takes from the browser. Each part may be missing: in a worker, in a test, in an old browser.
import type { Clock, HintChannel, PageEvents } from "./types.js";

/** The longest delay that `setTimeout` takes. A longer one would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export const browserClock: Clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(delay, action) {
        const timer = setTimeout(action, Math.min(delay, LONGEST_DELAY_MS));
        // In Node.js a timer would keep the process alive.
        (timer as { unref?: () => void }).unref?.();
        return () => clearTimeout(timer);
    },
};

/** Waits, or rejects with the signal's reason. */
export function sleep(clock: Clock, delay: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const cancel = clock.after(delay, () => {
            signal.removeEventListener("abort", stop);
            resolve();
        });
        const stop = () => {
            cancel();
            reject(signal.reason);
        };
        if (signal.aborted) stop();
        else signal.addEventListener("abort", stop, { once: true });
    });
}

/** The promise, or a rejection with the signal's reason as soon as it aborts, whatever the promise does then. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
    let stop = () => {};
    const aborted = new Promise<never>((_, reject) => {
        stop = () => reject(signal.reason);
        if (signal.aborted) stop();
        else signal.addEventListener("abort", stop, { once: true });
    });
    try {
        return await Promise.race([promise, aborted]);
    } finally {
        signal.removeEventListener("abort", stop);
    }
}

export function randomBytes(length: number): Uint8Array {
    return crypto.getRandomValues(new Uint8Array(length));
}

/** A random UUID (version 4). `crypto.randomUUID` is missing on pages without https. */
export function randomUuid(): string {
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export function browserChannel(name: string): HintChannel | undefined {
    try {
        const channel = new BroadcastChannel(name);
        (channel as { unref?: () => void }).unref?.();
        return channel as unknown as HintChannel;
    } catch {
        return undefined;
    }
}

/** Timers of hidden and frozen pages fire late or never, so the SDK looks again when a page comes back. */
export const browserPage: PageEvents = {
    subscribe(resume) {
        const restored = () => resume(true);
        const shown = () => {
            if (!this.hidden()) resume(false);
        };
        const pageShown = (event: Event) => {
            if ((event as PageTransitionEvent).persisted) resume(true);
        };
        const targets: [EventTarget | undefined, string, (event: Event) => void][] = [
            [globalThis.document, "visibilitychange", shown],
            [globalThis.document, "resume", restored],
            [globalThis.window, "pageshow", pageShown],
            [globalThis.window, "online", shown],
        ];
        for (const [target, event, listener] of targets) target?.addEventListener(event, listener);
        return () => {
            for (const [target, event, listener] of targets) target?.removeEventListener(event, listener);
        };
    },
    hidden: () => globalThis.document?.visibilityState === "hidden",
};
