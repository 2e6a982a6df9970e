// The calls about the session itself, and how the gateway is asked to keep the refresh token in a cookie.
import { createClient } from "@connectrpc/connect";
import type { CallOptions, Client, Transport } from "@connectrpc/connect";
import { Code } from "@connectrpc/connect";
import { TandemError } from "./errors.js";
import { AuthService } from "./gen/tandem/auth/v1/auth_service_pb.js";
import type { Account, TokenPair } from "./gen/tandem/auth/v1/account_pb.js";
import type { SignInInput, SignUpInput } from "./types.js";

/** An answer that begins or continues a session. */
export interface Grant {
    readonly account?: Account | undefined;
    readonly tokens: TokenPair;
}

/** The RPCs of a session. */
export class SessionCalls {
    readonly #auth: Client<typeof AuthService>;
    readonly #cookies: boolean;

    constructor(transport: Transport, refreshToken: "cookie" | "memory") {
        this.#auth = createClient(AuthService, transport);
        this.#cookies = refreshToken === "cookie";
    }

    /** Whether the refresh token is in a cookie, where this code cannot see it. */
    get cookies(): boolean {
        return this.#cookies;
    }

    /** The headers that ask for the cookie, and say which session is expected in it. */
    headers(sessionId?: string): Record<string, string> {
        if (!this.#cookies) return {};
        return { "tandem-session": "cookie", ...(sessionId && { "tandem-session-id": sessionId }) };
    }

    async signUp(input: SignUpInput, attemptTag: Uint8Array): Promise<Grant> {
        return this.#granted(await this.#auth.signUp({ ...input, attemptTag }, { headers: this.headers() }));
    }

    async signIn(input: SignInInput, attemptTag: Uint8Array): Promise<Grant> {
        return this.#granted(await this.#auth.signIn({ ...input, attemptTag }, { headers: this.headers() }));
    }

    async refresh(refreshToken: string, attemptTag: Uint8Array, sessionId: string | undefined, signal: AbortSignal): Promise<Grant> {
        const options: CallOptions = { headers: this.headers(sessionId), signal };
        return this.#granted(await this.#auth.refreshTokens({ refreshToken, attemptTag }, options));
    }

    async signOut(refreshToken: string, sessionId: string | undefined): Promise<void> {
        await this.#auth.signOut({ refreshToken }, { headers: this.headers(sessionId) });
    }

    /** The tokens of an answer. A gateway that knows no cookies would hand the refresh token to this page: that is refused. */
    async #granted(answer: { tokens?: TokenPair | undefined; account?: Account | undefined }): Promise<Grant> {
        const { tokens, account } = answer;
        if (tokens === undefined) throw new TandemError("the answer has no tokens", Code.Internal, {});
        if (this.#cookies && tokens.refreshToken !== "") {
            await this.#auth.signOut({ refreshToken: tokens.refreshToken }).catch(() => {});
            const text = "the server does not keep sessions in cookies; use refreshToken: \"memory\"";
            throw new TandemError(text, Code.FailedPrecondition, { reason: "COOKIES_UNSUPPORTED" });
        }
        return { tokens, account };
    }
}

/** How long the access token is good, in milliseconds. */
export function lengthOf(tokens: TokenPair): number {
    const life = tokens.accessTokenExpiresIn;
    return life === undefined ? 0 : Number(life.seconds) * 1000 + life.nanos / 1e6;
}
