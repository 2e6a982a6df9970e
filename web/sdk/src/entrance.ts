// Signing in and out, and what else begins or ends a session. One of these at a time in a tab: their answers set the cookie.
import type { Client } from "@connectrpc/connect";
import { Code } from "@connectrpc/connect";
import { sleep } from "./environment.js";
import { TandemError, replaced } from "./errors.js";
import type { Grant, SessionCalls } from "./gateway.js";
import type { Account } from "./gen/tandem/auth/v1/account_pb.js";
import type { AccountService } from "./gen/tandem/auth/v1/account_service_pb.js";
import { momentOf } from "./lifetime.js";
import type { SessionKeeper } from "./session.js";
import type { AttemptTags } from "./tags.js";
import type { ChangePasswordInput, Clock, SessionState, SignInInput, SignUpInput } from "./types.js";

const SIGN_OUT_ATTEMPTS = 3;
const SIGN_OUT_DELAY_MS = 500;

interface SignOut {
    readonly sessionId: string | undefined;
    readonly refreshToken: string;
}

export class Entrance {
    readonly #session: SessionKeeper;
    readonly #calls: SessionCalls;
    readonly #tags: AttemptTags;
    readonly #clock: Clock;
    readonly #account: Client<typeof AccountService>;
    #queue: Promise<unknown> = Promise.resolve();
    /** A sign-out that the server does not know of yet. */
    #owed: SignOut | undefined;
    #signOuts = 0;
    #loading: Promise<void> | undefined;

    constructor(session: SessionKeeper, calls: SessionCalls, tags: AttemptTags, clock: Clock, account: Client<typeof AccountService>) {
        this.#session = session;
        this.#calls = calls;
        this.#tags = tags;
        this.#clock = clock;
        this.#account = account;
        session.wake = () => this.#wake();
    }

    signUp(input: SignUpInput): Promise<Account> {
        return this.#enter((tag) => this.#calls.signUp(input, tag));
    }

    signIn(input: SignInInput): Promise<Account> {
        return this.#enter((tag) => this.#calls.signIn(input, tag));
    }

    async signOut(): Promise<void> {
        const { sessionId, refreshToken } = this.#session;
        this.#signOuts += 1;
        this.#session.leaving = true;
        this.#session.leave();
        await this.#inTurn(async () => {
            await this.#tags.noteSignOut(sessionId);
            await this.#endOnServer({ sessionId, refreshToken });
        });
    }

    async restore(): Promise<SessionState> {
        try {
            await this.#wake();
            await this.loadAccount();
        } catch {
            // The state says what is known.
        }
        return this.#session.observable.state;
    }

    async changePassword(input: ChangePasswordInput): Promise<void> {
        await this.#ready();
        await this.#inTurn(async () => {
            // The answer of a refresh under way would overwrite the new cookie.
            await this.#session.settled();
            const { epoch, sessionId } = this.#session;
            this.#session.quiet = true;
            try {
                const asked = momentOf(this.#clock);
                const { tokens } = await this.#account.changePassword(input, { headers: this.#calls.headers(sessionId) });
                if (this.#session.epoch !== epoch) throw replaced();
                if (tokens) this.#session.replaceTokens({ tokens }, asked);
            } finally {
                this.#session.quiet = false;
            }
        });
    }

    async deleteAccount(currentPassword: string): Promise<void> {
        await this.#ready();
        await this.#inTurn(async () => {
            const { sessionId, refreshToken } = this.#session;
            await this.#account.deleteAccount({ currentPassword });
            this.#session.leave();
            // The session has ended with the account: this is about the cookie alone.
            await this.#endOnServer({ sessionId, refreshToken }).catch(() => {});
        });
    }

    /** Loads the account of a session that began in another tab or before a reload. */
    loadAccount(): Promise<void> {
        const { status, account } = this.#session.observable;
        if (status !== "signed-in" || account !== undefined) return Promise.resolve();
        this.#loading ??= this.#account
            .getAccount({})
            .then(() => {})
            .finally(() => (this.#loading = undefined));
        return this.#loading;
    }

    /** Tries again what could not be done. */
    async resume(): Promise<void> {
        if (this.#owed) await this.#inTurn(() => this.#finishSignOut());
        await this.loadAccount();
    }

    async #enter(call: (tag: Uint8Array) => Promise<Grant>): Promise<Account> {
        return this.#inTurn(async () => {
            const signOuts = this.#signOuts;
            await this.#session.stopRefresh();
            const tag = await this.#tags.create();
            const asked = momentOf(this.#clock);
            const grant = await call(tag);
            const { sessionId, refreshToken } = grant.tokens;
            if (this.#signOuts !== signOuts) {
                // This tab has signed out while it signed in.
                await this.#endOnServer({ sessionId, refreshToken });
                throw replaced();
            }
            await this.#tags.bind(tag, sessionId);
            this.#settle();
            this.#session.begin(grant, asked);
            if (grant.account === undefined) throw new TandemError("the answer has no account", Code.Internal, {});
            return grant.account;
        });
    }

    /** Finds out who is signed in, after what is owed was done. */
    async #wake(): Promise<void> {
        await this.#inTurn(() => this.#finishSignOut());
        await this.#session.refresh();
    }

    /** Has a token at hand, so that the next call in turn does not have to wait for another turn. */
    async #ready(): Promise<void> {
        await this.#session.lease().catch((error: unknown) => {
            throw TandemError.from(error);
        });
    }

    /** Ends a session that was left when the server could not be reached, in this page or before a reload. */
    async #finishSignOut(): Promise<void> {
        const record = await this.#tags.read();
        const left = record?.signingOut ? { sessionId: record.sessionId, refreshToken: "" } : undefined;
        const owed = this.#owed ?? left;
        if (owed === undefined) return;
        if (this.#session.observable.status === "unknown") this.#session.leave();
        this.#session.leaving = true;
        await this.#endOnServer(owed);
    }

    async #endOnServer(left: SignOut): Promise<void> {
        this.#owed = left;
        const { sessionId, refreshToken } = left;
        const never = new AbortController().signal;
        for (let attempt = 1; ; attempt += 1) {
            try {
                await this.#calls.signOut(refreshToken, sessionId);
                break;
            } catch (error) {
                const failure = TandemError.from(error);
                // The cookie is of a newer session, or there is none: nothing is left to end from here.
                if (failure.is("SESSION_CHANGED", "REFRESH_TOKEN_INVALID")) break;
                if (attempt === SIGN_OUT_ATTEMPTS) {
                    this.#session.noteProblem(failure);
                    throw failure;
                }
                await sleep(this.#clock, Math.max(failure.retryAfterMs ?? 0, SIGN_OUT_DELAY_MS * attempt), never);
            }
        }
        this.#settle();
        await this.#tags.forget(sessionId);
        this.#session.noteProblem(undefined);
    }

    /** Nothing is owed to the server any more. */
    #settle(): void {
        this.#owed = undefined;
        this.#session.leaving = false;
    }

    /** Runs `action` after those before it. */
    #inTurn<T>(action: () => Promise<T>): Promise<T> {
        const turn = this.#queue.then(action).catch((error: unknown) => {
            throw TandemError.from(error);
        });
        this.#queue = turn.catch(() => {});
        return turn;
    }
}
