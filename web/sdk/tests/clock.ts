// A clock in the hand of the test. Every tab has a view of it, which can be frozen, and whose clocks can be wrong.
import type { Clock } from "../src/index.js";

interface Timer {
    at: number;
    action: () => void;
    view: TabClock;
}

/** Lets everything run that waits for no timer. */
export async function settle(): Promise<void> {
    for (let turn = 0; turn < 6; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export class World {
    /** Milliseconds that have really passed. */
    time = 0;
    readonly #timers = new Set<Timer>();

    tab(): TabClock {
        return new TabClock(this);
    }

    add(timer: Timer): () => void {
        this.#timers.add(timer);
        return () => this.#timers.delete(timer);
    }

    /** Waits in virtual time. */
    wait(delay: number, view?: TabClock): Promise<void> {
        return new Promise((resolve) => this.add({ at: this.time + delay, action: resolve, view: view ?? this.tab() }));
    }

    #next(until: number): Timer | undefined {
        const due = [...this.#timers].filter((timer) => timer.at <= until && !timer.view.frozen);
        return due.sort((one, other) => one.at - other.at)[0];
    }

    /** Lets `delay` milliseconds pass, timer by timer. */
    async advance(delay: number): Promise<void> {
        const until = this.time + delay;
        await settle();
        for (let timer = this.#next(until); timer; timer = this.#next(until)) {
            this.time = Math.max(this.time, timer.at);
            this.#timers.delete(timer);
            timer.action();
            await settle();
        }
        this.time = until;
    }

    /** Lets time pass until `promise` is settled, at most `limit` milliseconds. */
    async until<T>(promise: Promise<T>, limit = 120_000): Promise<T> {
        let done = false;
        const ended = () => (done = true);
        promise.then(ended, ended);
        const end = this.time + limit;
        await settle();
        while (!done && this.time < end) await this.advance(Math.min(100, end - this.time));
        if (!done) throw new Error(`not settled after ${limit} ms`);
        return promise;
    }
}

/** The clocks of one tab. */
export class TabClock implements Clock {
    /** Timers of a frozen tab do not fire before it goes on. */
    frozen = false;
    /** What somebody has set the wall clock forward (or back) by. */
    wallShift = 0;
    /** How long the monotonic clock stood still. */
    asleep = 0;
    readonly #world: World;

    constructor(world: World) {
        this.#world = world;
    }

    now(): number {
        return 1_800_000_000_000 + this.#world.time + this.wallShift;
    }

    monotonic(): number {
        return this.#world.time - this.asleep;
    }

    after(delay: number, action: () => void): () => void {
        return this.#world.add({ at: this.#world.time + delay, action, view: this });
    }
}
