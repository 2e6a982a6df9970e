// A browser with tabs: one cookie, one storage, one channel. The network can be slow, and can lose requests and answers.
import { createTandem } from "../src/index.js";
import type { HintChannel, SessionHint, TagRecord, TagStorage, Tandem, TandemOptions } from "../src/index.js";
import type { TabClock, World } from "./clock.js";
import type { Server } from "./server.js";

/** What becomes of a request: `lost`: the server does it, but no answer comes; `cut`: the cookie comes, the body does not. */
export type Fate = "ok" | "unreached" | "lost" | "cut";

/** How the network treats the next request. */
export interface Weather {
    readonly fate: Fate;
    readonly thereMs: number;
    readonly backMs: number;
}

const FAIR: Weather = { fate: "ok", thereMs: 5, backMs: 5 };

export class Browser {
    cookie: string | undefined;
    record: TagRecord | undefined;
    /** Everything that was ever stored or posted. */
    readonly written: unknown[] = [];
    readonly tabs: Tab[] = [];
    weather: () => Weather = () => FAIR;
    readonly world: World;
    readonly server: Server;

    constructor(world: World, server: Server) {
        this.world = world;
        this.server = server;
    }

    open(options: Partial<TandemOptions> = {}): Tab {
        const tab = new Tab(this, options);
        this.tabs.push(tab);
        return tab;
    }

    readonly storage: TagStorage = {
        update: async (change) => {
            this.record = change(this.record);
            this.written.push(this.record);
            return this.record;
        },
    };

    post(from: Tab, hint: SessionHint): void {
        this.written.push(hint);
        for (const tab of this.tabs) if (tab !== from && !tab.closed) tab.deliver(hint);
    }
}

export class Tab {
    readonly clock: TabClock;
    readonly tandem: Tandem;
    closed = false;
    hidden = false;
    /** Refreshes under way, now and at most. */
    refreshing = 0;
    mostRefreshing = 0;
    /** The sessions that there were when this tab last signed out. */
    left: ReadonlySet<string> = new Set();
    /** Calls that carried a token of a session that this tab had left. */
    readonly indiscreet: string[] = [];
    readonly #browser: Browser;
    readonly #channel: HintChannel;
    #resume: (restored: boolean) => void = () => {};
    #missed: SessionHint[] = [];
    #thawed = Promise.resolve();
    #thaw = () => {};

    constructor(browser: Browser, options: Partial<TandemOptions>) {
        this.#browser = browser;
        this.clock = browser.world.tab();
        this.#channel = {
            onmessage: null,
            postMessage: (hint) => browser.post(this, hint),
            close: () => (this.closed = true),
        };
        this.tandem = createTandem({
            baseUrl: "https://tandem.test",
            clock: this.clock,
            storage: browser.storage,
            channel: this.#channel,
            random: () => 0.5,
            fetch: (url, init) => this.#fetch(String(url), init!),
            page: {
                subscribe: (resume) => {
                    this.#resume = resume;
                    return () => {};
                },
                hidden: () => this.hidden,
            },
            ...options,
        });
    }

    deliver(hint: SessionHint): void {
        if (this.clock.frozen) this.#missed.push(hint);
        else setImmediate(() => this.#channel.onmessage?.({ data: hint }));
    }

    freeze(): void {
        if (this.clock.frozen) return;
        this.clock.frozen = true;
        this.#thawed = new Promise((resolve) => (this.#thaw = resolve));
    }

    /** The tab goes on, and no event says so. */
    thaw(): void {
        this.clock.frozen = false;
        this.#thaw();
    }

    /** The tab goes on: first what it missed, then its timers. */
    unfreeze(restored = true): void {
        this.thaw();
        for (const hint of this.#missed.splice(0)) this.deliver(hint);
        this.#resume(restored);
    }

    resume(restored: boolean): void {
        this.#resume(restored);
    }

    async #fetch(url: string, init: RequestInit): Promise<Response> {
        const method = new URL(url).pathname;
        const headers = new Headers(init.headers);
        const [, session] = /^Bearer at\.([^.]+)/.exec(headers.get("authorization") ?? "") ?? [];
        if (session !== undefined && this.left.has(session)) this.indiscreet.push(method);
        const isRefresh = method.endsWith("/RefreshTokens");
        if (isRefresh) this.mostRefreshing = Math.max(this.mostRefreshing, (this.refreshing += 1));
        try {
            return await this.#send(method, headers, init);
        } finally {
            if (isRefresh) this.refreshing -= 1;
        }
    }

    async #send(method: string, headers: Headers, init: RequestInit): Promise<Response> {
        const { world, server } = this.#browser;
        const { fate, thereMs, backMs } = this.#browser.weather();
        const body = init.body as Uint8Array;
        const aborted = new Promise<never>((_, reject) => {
            init.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
        });
        aborted.catch(() => {});
        // The browser reads the cookie when the request leaves.
        const { cookie } = this.#browser;
        const answered = (async () => {
            await world.wait(thereMs);
            if (fate === "unreached") throw new TypeError("Failed to fetch");
            const answer = server.handle({ method, headers, body, cookie });
            await world.wait(backMs);
            if (fate === "lost") throw new TypeError("Failed to fetch");
            // The network stores cookies even while the page is frozen, but not of a request that was given up.
            if (!init.signal?.aborted && answer.setCookie !== undefined) this.#browser.cookie = answer.setCookie ?? undefined;
            await this.#thawed;
            if (fate === "cut") throw new TypeError("network error");
            return answer.response;
        })();
        return Promise.race([answered, aborted]);
    }
}
