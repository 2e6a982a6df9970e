// Any order of what tabs, people and networks do. What must hold:
// - nobody is signed out without a reason;
// - no token is ever stored or posted to other tabs;
// - a tab has at most one refresh under way;
// - after a sign-out no call carries a token;
// - in the end, with a good network, every tab agrees with the cookie.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Browser } from "./browser.js";
import type { Fate, Tab } from "./browser.js";
import { World, settle } from "./clock.js";
import { Server } from "./server.js";

const CREDENTIALS = { email: "ann@example.com", password: "correct horse" };
const RUNS = Number(process.env["SDK_RUNS"] ?? 150);

type Step =
    | { do: "call" | "freeze" | "unfreeze" | "hide" | "show" | "signOut" | "signIn" | "restore"; tab: number }
    | { do: "pass"; ms: number }
    | { do: "open" }
    | { do: "eraseStorage" }
    | { do: "setWallClock"; tab: number; ms: number }
    | { do: "sleep"; ms: number };

const tab = fc.nat({ max: 3 });

/** What happens in the life of a session that nobody ends. */
const lived: fc.Arbitrary<Step>[] = [
    fc.record({ do: fc.constantFrom("call", "freeze", "unfreeze", "hide", "show", "restore"), tab }) as fc.Arbitrary<Step>,
    fc.record({ do: fc.constant("pass"), ms: fc.constantFrom(3, 40, 400, 3_000, 60_000, 230_000, 400_000) }),
    fc.record({ do: fc.constant("open") }),
    fc.record({ do: fc.constant("setWallClock"), tab, ms: fc.constantFrom(-3_600_000, -1_000, 1_000, 3_600_000) }),
    fc.record({ do: fc.constant("sleep"), ms: fc.constantFrom(1_000, 290_000, 10_000_000) }),
];
const ended: fc.Arbitrary<Step> = fc.record({ do: fc.constantFrom("signOut", "signIn"), tab }) as fc.Arbitrary<Step>;

const fate: fc.Arbitrary<Fate> = fc.oneof(
    { weight: 5, arbitrary: fc.constant<Fate>("ok") },
    { weight: 2, arbitrary: fc.constantFrom<Fate>("unreached", "lost", "cut") },
);
const weather = fc.array(fc.record({ fate, thereMs: fc.nat({ max: 900 }), backMs: fc.nat({ max: 900 }) }), { minLength: 1, maxLength: 12 });

class Scene {
    readonly world = new World();
    readonly server = new Server(this.world);
    readonly browser = new Browser(this.world, this.server);
    readonly #channel: boolean;

    constructor(channel: boolean) {
        this.#channel = channel;
    }

    open(): Tab {
        return this.browser.open(this.#channel ? {} : { channel: "none" });
    }

    #tab(index: number): Tab {
        return this.browser.tabs[index % this.browser.tabs.length]!;
    }

    async play(step: Step): Promise<void> {
        const unheard = (promise: Promise<unknown>) => void promise.catch(() => {});
        switch (step.do) {
            case "pass":
                return this.world.advance(step.ms);
            case "open":
                if (this.browser.tabs.length < 4) unheard(this.open().tandem.restore());
                return;
            case "eraseStorage":
                // Not between the moment a refresh has read the tag and its answer.
                await settle();
                if (this.browser.tabs.every((each) => each.refreshing === 0)) this.browser.record = undefined;
                return;
            case "sleep":
                // The whole device sleeps. The monotonic clock stands still, and no timer fires.
                for (const each of this.browser.tabs) each.freeze();
                await this.world.advance(step.ms);
                for (const each of this.browser.tabs) {
                    each.clock.asleep += step.ms;
                    each.unfreeze(false);
                }
                return;
            default:
                return this.#playTab(step, this.#tab(step.tab), unheard);
        }
    }

    async #playTab(step: Extract<Step, { tab: number }>, one: Tab, unheard: (promise: Promise<unknown>) => void): Promise<void> {
        const { tandem } = one;
        if (step.do === "setWallClock") one.clock.wallShift += step.ms;
        if (step.do === "freeze") one.freeze();
        if (step.do === "unfreeze") one.unfreeze();
        if (one.clock.frozen) return;
        if (step.do === "call") unheard(tandem.tasks.listTasks({}));
        if (step.do === "restore") unheard(tandem.restore());
        if (step.do === "hide") one.hidden = true;
        if (step.do === "show") {
            one.hidden = false;
            one.resume(false);
        }
        if (step.do === "signIn" && tandem.session.status === "signed-out") unheard(tandem.signIn(CREDENTIALS));
        if (step.do === "signOut") {
            unheard(tandem.signOut());
            one.left = new Set(this.server.sessions.keys());
        }
    }

    /** A good network, and every tab is looked at and used. */
    async calm(): Promise<void> {
        this.browser.weather = () => ({ fate: "ok", thereMs: 5, backMs: 5 });
        for (const _ of [1, 2]) {
            for (const each of this.browser.tabs) {
                each.hidden = false;
                each.unfreeze();
            }
            await this.world.advance(350_000);
        }
        for (const each of this.browser.tabs) await this.world.until(each.tandem.tasks.listTasks({}).catch(() => {}));
    }

    check(): void {
        const written = JSON.stringify(this.browser.written);
        for (const secret of this.server.secrets) assert.ok(!written.includes(secret), "a token was written");
        for (const each of this.browser.tabs) {
            assert.ok(each.mostRefreshing <= 1, "more than one refresh at once in a tab");
            assert.deepEqual(each.indiscreet, [], "a call after the sign-out carried a token");
        }
        assert.equal(this.server.reuses, 0, "the server took this browser for two");
    }
}

async function play(channel: boolean, steps: Step[], fates: fc.RandomType | unknown[]): Promise<Scene> {
    const scene = new Scene(channel);
    const first = scene.open();
    await scene.world.until(first.tandem.signIn(CREDENTIALS));
    let at = 0;
    const list = fates as { fate: Fate; thereMs: number; backMs: number }[];
    scene.browser.weather = () => list[at++ % list.length]!;
    for (const step of steps) {
        await scene.play(step);
        scene.check();
    }
    await scene.calm();
    scene.check();
    return scene;
}

test("whatever tabs and networks do, a session that nobody ends goes on in every tab", async () => {
    const steps = fc.array(fc.oneof(...lived), { maxLength: 25 });
    await fc.assert(
        fc.asyncProperty(fc.boolean(), steps, weather, async (channel, script, fates) => {
            const scene = await play(channel, script, fates);
            for (const each of scene.browser.tabs) {
                assert.equal(each.tandem.session.status, "signed-in", String(each.tandem.session.state.endedBy));
            }
        }),
        { numRuns: RUNS, includeErrorInReport: true },
    );
});

test("with sign-outs and sign-ins in any tab, no token leaks and all tabs agree in the end", async () => {
    const steps = fc.array(fc.oneof({ weight: 4, arbitrary: fc.oneof(...lived) }, { weight: 1, arbitrary: ended }), { maxLength: 25 });
    await fc.assert(
        fc.asyncProperty(steps, weather, async (script, fates) => {
            const scene = await play(true, script, fates);
            const sessions = scene.browser.tabs.map((each) => each.tandem.session.state.sessionId);
            const cookie = scene.browser.cookie?.split(".")[0];
            const live = cookie !== undefined && !scene.server.sessions.get(cookie)!.revoked ? cookie : undefined;
            for (const session of sessions) assert.equal(session, live, "a tab does not agree with the cookie");
        }),
        { numRuns: RUNS, includeErrorInReport: true },
    );
});

test("storage that is erased between calls ends no session", async () => {
    const erase: fc.Arbitrary<Step> = fc.record({ do: fc.constant("eraseStorage") });
    const steps = fc.array(fc.oneof({ weight: 4, arbitrary: fc.oneof(...lived) }, { weight: 1, arbitrary: erase }), { maxLength: 25 });
    await fc.assert(
        fc.asyncProperty(steps, async (script) => {
            // With a lost answer and the tag lost too, the server cannot know the browser: that is not claimed.
            const scene = await play(true, script, [{ fate: "ok", thereMs: 1, backMs: 1 }]);
            for (const each of scene.browser.tabs) {
                assert.equal(each.tandem.session.status, "signed-in", String(each.tandem.session.state.endedBy));
            }
        }),
        { numRuns: RUNS, includeErrorInReport: true },
    );
});
