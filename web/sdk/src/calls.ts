// What every call gets: the token, a retry where it is safe, and errors by reason.
import { Code } from "@connectrpc/connect";
import type { Interceptor, StreamRequest, UnaryRequest } from "@connectrpc/connect";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { orAborted, sleep } from "./environment.js";
import { TandemError, replaced, signedOut } from "./errors.js";
import type { Account } from "./gen/tandem/auth/v1/account_pb.js";
import type { Lease } from "./held.js";
import type { SessionKeeper } from "./session.js";
import type { Clock } from "./types.js";

const ATTEMPTS = 3;
const FIRST_DELAY_MS = 200;
/** Whoever waits for a page does not wait longer than this for one attempt. */
const LONGEST_DELAY_MS = 5_000;

type Request = UnaryRequest | StreamRequest;

/** Whether doing it twice is the same as doing it once: by the contract, or because of a request id. */
function isIdempotent(request: Request): boolean {
    const { idempotency } = request.method;
    if (idempotency === Level.NO_SIDE_EFFECTS || idempotency === Level.IDEMPOTENT) return true;
    return !request.stream && Boolean((request.message as { requestId?: string }).requestId);
}

/** How long to wait before the same call again; undefined: not again. */
function delayBefore(attempt: number, failure: TandemError, random: number): number | undefined {
    if (attempt > ATTEMPTS) return undefined;
    const passes = failure.is("NETWORK", "RATE_LIMITED") || failure.code === Code.Unavailable;
    if (!passes) return undefined;
    const asked = failure.retryAfterMs ?? FIRST_DELAY_MS * 2 ** (attempt - 2);
    return asked <= LONGEST_DELAY_MS ? asked * (1 + random / 4) : undefined;
}

/** Repeats calls that may be repeated, when the server asks for it or cannot be reached. */
export function retries(clock: Clock, random: () => number): Interceptor {
    return (next) => async (request) => {
        for (let attempt = 2; ; attempt += 1) {
            try {
                return await next(request);
            } catch (error) {
                const failure = TandemError.from(error);
                const again = !request.signal.aborted && !request.stream && isIdempotent(request);
                const delay = again ? delayBefore(attempt, failure, random()) : undefined;
                if (delay === undefined) throw error;
                await sleep(clock, delay, request.signal);
            }
        }
    };
}

/** Sends the token of the session with every attempt, and never that of another session than the one the call began in. */
export function authorized(session: SessionKeeper, retry: Interceptor): Interceptor {
    return (next) => (request) => {
        let first: Lease | undefined;
        const lease = async () => {
            const now = await orAborted(session.lease(), request.signal);
            first ??= now;
            if (now.identity !== first.identity) throw replaced();
            return now;
        };
        const withToken: typeof next = async (attempt) => {
            const used = await lease();
            try {
                return await send(session, next, attempt, used);
            } catch (error) {
                const failure = TandemError.from(error);
                if (failure.is("TOKEN_REVOKED", "TOKEN_INVALID")) session.distrust(used);
                if (!failure.is("TOKEN_EXPIRED") || attempt.stream) throw error;
                await orAborted(session.renew(used), attempt.signal);
                const newer = await lease();
                if (newer.token === used.token) throw error;
                return send(session, next, attempt, newer);
            }
        };
        return retry(withToken)(request);
    };
}

async function send(session: SessionKeeper, next: Parameters<Interceptor>[0], request: Request, lease: Lease) {
    // Between the lease and here this tab may have signed out. From here to the network nothing waits.
    if (!session.holds(lease)) throw session.observable.status === "signed-out" ? signedOut() : replaced();
    request.header.set("authorization", `Bearer ${lease.token}`);
    const response = await next(request);
    // Nobody may see the answer to somebody else's call.
    if (!session.holds(lease)) throw replaced();
    const { account } = response.message as { account?: Account };
    if (account?.$typeName === "tandem.auth.v1.Account") session.noteAccount(account, lease);
    return response;
}

/** The client with methods that throw a TandemError. */
export function typedErrors<Client extends object>(client: Client): Client {
    const methods = Object.entries(client).map(([name, method]: [string, (...call: unknown[]) => unknown]) => {
        const typed = async (...call: unknown[]) => {
            try {
                return await method(...call);
            } catch (error) {
                throw TandemError.from(error);
            }
        };
        return [name, typed];
    });
    return Object.fromEntries(methods) as Client;
}
