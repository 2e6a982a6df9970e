// The session of this browser: who is signed in, and the access token, which is only ever in this object.
//
// No lock between tabs is needed. The server gives every tab that refreshes at once the same pair, and a refresh that a
// sign-out has overtaken is dropped. So each tab refreshes for itself, one refresh at a time.
import { TandemError, replaced, signedOut } from "./errors.js";
import { lengthOf } from "./gateway.js";
import type { Grant } from "./gateway.js";
import type { Account } from "./gen/tandem/auth/v1/account_pb.js";
import type { Held, Lease, Surroundings } from "./held.js";
import { Lifetime } from "./lifetime.js";
import type { Moment } from "./lifetime.js";
import { ObservableSession } from "./observable.js";
import { Refresher } from "./refresh.js";
import type { SessionHint } from "./types.js";

/** The session is over for these reasons alone. Anything else may pass. */
const ENDS = ["REFRESH_TOKEN_INVALID", "REFRESH_TOKEN_EXPIRED", "REFRESH_TOKEN_REUSED", "SESSION_REVOKED"] as const;
const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 60_000;

export class SessionKeeper {
    readonly observable = new ObservableSession();
    readonly #with: Surroundings;
    readonly #refresher: Refresher;
    #held: Held | undefined;
    /** Counts sign-ins, sign-outs and take-overs: what began under another number is dropped. */
    #epoch = 0;
    #refreshing: Promise<void> | undefined;
    #failures = 0;
    /** Not before this moment (monotonic), because the server asked to wait. */
    #notBefore = 0;
    #cancelTimer = () => {};
    /** The cookie may be of another session by now. */
    #doubtful = false;
    /** While the password changes, nothing is refreshed ahead of time: the answers would race for the cookie. */
    quiet = false;
    /** While the server does not know of a sign-out yet, the cookie is not used. */
    leaving = false;
    /** How the first call finds out who is signed in. */
    wake: () => Promise<void> = () => this.refresh();

    constructor(surroundings: Surroundings) {
        const { calls, tags, clock, timeoutMs } = surroundings;
        this.#with = surroundings;
        this.#refresher = new Refresher(calls, tags, clock, timeoutMs);
    }

    get epoch(): number {
        return this.#epoch;
    }

    get sessionId(): string | undefined {
        return this.#held?.sessionId;
    }

    get refreshToken(): string {
        return this.#held?.refreshToken ?? "";
    }

    /** A token to call with now. Refreshes first if it has to, and ahead of time in the background. */
    async lease(): Promise<Lease> {
        if (this.observable.status === "unknown") await this.wake();
        const held = this.#held;
        if (held === undefined) throw signedOut();
        if (!held.trusted || !held.life.isUsable(this.#with.clock)) await this.refresh();
        else if (held.life.untilRefresh(this.#with.clock) === 0 && this.#failures === 0) this.refreshAhead();
        if (this.#held === undefined) throw signedOut();
        // What was meant for one account is not sent to another.
        if (!this.holds(held)) throw replaced();
        return this.#held;
    }

    /** Whether the session of `lease` is still the session of this tab. */
    holds(lease: Lease): boolean {
        return this.#held?.identity === lease.identity;
    }

    /** Gets another token than that of `lease`, unless that has happened already. */
    async renew(lease: Lease): Promise<void> {
        if (this.#held?.token === lease.token) await this.refresh();
    }

    /** The server refuses the token, so it is not used again. A refresh finds out what became of the session. */
    distrust(lease: Lease): void {
        if (this.#held?.token !== lease.token) return;
        this.#held = { ...this.#held, trusted: false };
        this.refreshAhead();
    }

    /** Refreshes. All callers of this tab share one refresh. */
    refresh(): Promise<void> {
        this.#refreshing ??= this.#refreshNow().finally(() => {
            this.#refreshing = undefined;
        });
        return this.#refreshing;
    }

    /** Refreshes in the background. The state says what came of it. */
    refreshAhead(): void {
        if (!this.quiet) this.refresh().catch(() => {});
    }

    /** Waits for the refresh that is under way, if any. */
    async settled(): Promise<void> {
        await this.#refreshing?.catch(() => {});
    }

    /** Ends the refresh that is under way, if any: its answer changes nothing. */
    async stopRefresh(): Promise<void> {
        this.#refresher.stop();
        await this.settled();
    }

    /** Takes the session of a sign-in and tells the other tabs. */
    begin(grant: Grant, asked: Moment): void {
        this.#epoch += 1;
        this.#held = undefined;
        this.replaceTokens(grant, asked);
    }

    /** Takes the tokens of a password change, which void all older ones. */
    replaceTokens(grant: Grant, asked: Moment): void {
        this.#adopt(grant, asked);
        this.#post(grant.tokens.sessionId, false);
    }

    /** Leaves the session. From here on no call carries its token. */
    leave(endedBy?: TandemError | "other-tab", announce = true): void {
        const sessionId = this.#held?.sessionId;
        this.#epoch += 1;
        this.#held = undefined;
        this.#failures = 0;
        this.#cancelTimer();
        this.#refresher.stop();
        if (sessionId !== undefined) {
            this.#with.hints.noteEnding(sessionId);
            if (announce) this.#post(sessionId, true);
        }
        this.observable.set({ status: "signed-out", endedBy });
    }

    /** Notes the account of the session that `lease` belongs to. */
    noteAccount(account: Account, lease: Lease): void {
        if (this.holds(lease)) this.observable.set({ ...this.observable.state, account });
    }

    /** Notes that something could not be done, or (undefined) that it was. */
    noteProblem(problem: TandemError | undefined): void {
        this.observable.set({ ...this.observable.state, problem });
    }

    /** Another tab says something. It is a hint: the server is asked, except that a session has ended. */
    hear(hint: SessionHint): void {
        const held = this.#held;
        if (hint.signedOut) {
            this.#with.hints.noteEnding(hint.sessionId);
            if (held?.sessionId === hint.sessionId) this.leave("other-tab", false);
            return;
        }
        if (held?.sessionId === hint.sessionId) {
            if (held.generation >= hint.generation) return;
            this.#held = { ...held, trusted: false };
        }
        this.#doubtful = true;
        // An answer for the session before would overwrite the new cookie.
        void this.stopRefresh().then(() => {
            if (!this.#with.page.hidden()) this.refreshAhead();
        });
    }

    /** The page is visible again, or (`restored`) was frozen and may have missed everything. */
    resume(restored: boolean): void {
        this.#failures = 0;
        const { status, problem } = this.observable.state;
        const due = this.#held?.life.untilRefresh(this.#with.clock) === 0 || this.#doubtful;
        if (due || restored || (problem !== undefined && status !== "signed-out")) this.refreshAhead();
    }

    close(): void {
        this.#cancelTimer();
        this.#refresher.stop();
        this.#with.hints.close();
    }

    async #refreshNow(): Promise<void> {
        const epoch = this.#epoch;
        const { problem } = this.observable.state;
        if (this.leaving) throw signedOut();
        if (problem && this.#with.clock.monotonic() < this.#notBefore) throw problem;
        const { sessionId, refreshToken } = this;
        // Without a cookie and without a token there is nothing to ask for.
        if (!this.#with.calls.cookies && refreshToken === "") throw await this.#failed(signedOut(), sessionId);
        const isCurrent = () => this.#epoch === epoch;
        try {
            const { grant, asked } = await this.#refresher.get({ sessionId, refreshToken, isCurrent });
            await this.#continue(grant, asked);
        } catch (error) {
            throw isCurrent() ? await this.#failed(TandemError.from(error), sessionId) : error;
        }
    }

    async #continue(grant: Grant, asked: Moment): Promise<void> {
        const { sessionId } = grant.tokens;
        if (this.#with.hints.hasEnded(sessionId)) {
            // Another tab has signed out, and this answer was under way.
            this.leave("other-tab", false);
            throw replaced();
        }
        if (this.#held?.sessionId !== sessionId) this.#epoch += 1;
        this.#adopt(grant, asked);
        await this.#with.tags.note(sessionId);
    }

    #adopt(grant: Grant, asked: Moment): void {
        const { tokens } = grant;
        const before = this.#held?.sessionId === tokens.sessionId ? this.#held : undefined;
        this.#held = {
            sessionId: tokens.sessionId,
            identity: before?.identity ?? {},
            token: tokens.accessToken,
            refreshToken: this.#with.calls.cookies ? "" : tokens.refreshToken,
            generation: asked.wall,
            life: new Lifetime(asked, lengthOf(tokens), this.#with.random()),
            trusted: true,
        };
        this.#failures = 0;
        this.#notBefore = 0;
        this.#doubtful = false;
        this.#schedule(this.#held.life.untilRefresh(this.#with.clock));
        const account = grant.account ?? (before && this.observable.account);
        this.observable.set({ status: "signed-in", sessionId: tokens.sessionId, account });
    }

    /** What a failed refresh means. Returns the error for the callers. */
    async #failed(failure: TandemError, sessionId: string | undefined): Promise<TandemError> {
        if (failure.is("SESSION_REPLACED")) return failure;
        const over = failure.is(...ENDS, "SIGNED_OUT");
        const out = this.observable.status === "signed-out";
        if (over) {
            // Nothing was there to end.
            const absent = sessionId === undefined && failure.is("REFRESH_TOKEN_INVALID", "SIGNED_OUT");
            if (!out) this.leave(absent ? undefined : failure, !failure.is("REFRESH_TOKEN_INVALID"));
            if (sessionId !== undefined) await this.#with.tags.forget(sessionId);
            return absent ? signedOut() : failure;
        }
        this.#failures += 1;
        const backoff = Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (this.#failures - 1));
        const asked = failure.retryAfterMs ?? 0;
        this.#notBefore = this.#with.clock.monotonic() + asked;
        if (!out) this.#schedule(Math.max(asked, backoff * (0.5 + this.#with.random() / 2)));
        if (!out) this.noteProblem(failure);
        return failure;
    }

    #schedule(delay: number): void {
        this.#cancelTimer();
        this.#cancelTimer = this.#with.clock.after(delay, () => this.#look());
    }

    /** A timer has fired, perhaps late. Hidden pages wait until they are visible or used. */
    #look(): void {
        if (this.#with.page.hidden()) return;
        const left = this.#held?.trusted ? this.#held.life.untilRefresh(this.#with.clock) : 0;
        if (left > 0) this.#schedule(left);
        else if (this.quiet) this.#schedule(FIRST_BACKOFF_MS);
        else this.refreshAhead();
    }

    #post(sessionId: string, signedOut: boolean): void {
        this.#with.hints.post({ sessionId, generation: this.#with.clock.now(), signedOut });
    }
}
