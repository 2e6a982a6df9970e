// The gateway and the services behind it, as far as a browser can see them: sessions by the rules of the auth service, tasks,
// and errors as they are on the wire (the Connect protocol, unary, binary).
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema, RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { AccountService } from "../src/gen/tandem/auth/v1/account_service_pb.js";
import { AuthService } from "../src/gen/tandem/auth/v1/auth_service_pb.js";
import { TaskService } from "../src/gen/tandem/task/v1/task_service_pb.js";
import type { World } from "./clock.js";

const CODES: Record<string, [Code, string, number]> = {
    UNAUTHENTICATED: [Code.Unauthenticated, "unauthenticated", 401],
    UNAVAILABLE: [Code.Unavailable, "unavailable", 503],
    RESOURCE_EXHAUSTED: [Code.ResourceExhausted, "resource_exhausted", 429],
    ABORTED: [Code.Aborted, "aborted", 409],
    INVALID_ARGUMENT: [Code.InvalidArgument, "invalid_argument", 400],
    NOT_FOUND: [Code.NotFound, "not_found", 404],
};

/** A refusal, with the details that the contract promises. */
export class Refusal extends Error {
    readonly code: string;
    readonly reason: string;
    readonly retryAfterMs: number | undefined;
    readonly fields: string[];

    constructor(code: string, reason: string, more: { retryAfterMs?: number; fields?: string[] } = {}) {
        super(reason);
        this.code = code;
        this.reason = reason;
        this.retryAfterMs = more.retryAfterMs;
        this.fields = more.fields ?? [];
    }

    response(): Response {
        const detail = <Desc extends DescMessage>(schema: Desc, value: MessageShape<Desc>) => ({
            type: schema.typeName,
            value: Buffer.from(toBinary(schema, value)).toString("base64").replace(/=+$/, ""),
        });
        const info = create(ErrorInfoSchema, { domain: "tandem", reason: this.reason, metadata: { limit: "7" } });
        const details = [detail(ErrorInfoSchema, info), detail(RequestInfoSchema, create(RequestInfoSchema, { requestId: "r-1" }))];
        if (this.retryAfterMs !== undefined) {
            const retryDelay = { seconds: BigInt(Math.floor(this.retryAfterMs / 1000)), nanos: (this.retryAfterMs % 1000) * 1e6 };
            details.push(detail(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
        }
        if (this.fields.length > 0) {
            const fieldViolations = this.fields.map((field) => ({ field, description: "is wrong", reason: "FIELD_INVALID" }));
            details.push(detail(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
        }
        const [, name, status] = CODES[this.code]!;
        const body = JSON.stringify({ code: name, message: this.reason, details });
        return new Response(body, { status, headers: { "content-type": "application/json" } });
    }
}

interface SessionRow {
    id: string;
    email: string;
    generation: number;
    secret: number;
    tag: string | undefined;
    revoked: boolean;
    /** Access tokens of an older epoch are revoked. */
    epoch: number;
}

export interface Request {
    readonly method: string;
    readonly headers: Headers;
    readonly body: Uint8Array;
    readonly cookie: string | undefined;
}

export interface Answer {
    readonly response: Response;
    /** `null` erases the cookie. */
    readonly setCookie?: string | null;
}

const METHODS = new Map<string, (typeof AuthService.methods)[number] | (typeof AccountService.methods)[number] | (typeof TaskService.methods)[number]>(
    [AuthService, AccountService, TaskService].flatMap((service) =>
        service.methods.map((method) => [`/${service.typeName}/${method.name}`, method] as const),
    ),
);

export class Server {
    readonly sessions = new Map<string, SessionRow>();
    readonly tasks = new Map<string, { id: string; title: string; etag: string; owner: string }>();
    readonly requestIds = new Map<string, string>();
    /** Every refresh token and access token that was ever issued. */
    readonly secrets = new Set<string>();
    /** Sessions that ended because the server saw a second party. */
    reuses = 0;
    accessLifeMs = 300_000;
    /** As a gateway without cookies answers. */
    refreshTokensInBody = false;
    /** Thrown once each by the next calls, whatever they are. */
    readonly refusals: Refusal[] = [];
    readonly log: Request[] = [];
    readonly #world: World;
    #next = 1;

    constructor(world: World) {
        this.#world = world;
    }

    handle(request: Request): Answer {
        this.log.push(request);
        const method = METHODS.get(request.method);
        if (method === undefined) throw new Error(`no such method: ${request.method}`);
        try {
            const refusal = this.refusals.shift();
            if (refusal) throw refusal;
            const message = fromBinary(method.input, request.body) as never;
            const [fields, setCookie] = this.#call(method.localName, message, request);
            const body = toBinary(method.output, create(method.output, fields as never));
            const response = new Response(body, { headers: { "content-type": "application/proto" } });
            return setCookie === undefined ? { response } : { response, setCookie };
        } catch (error) {
            if (error instanceof Refusal) return { response: error.response() };
            throw error;
        }
    }

    end(sessionId: string): void {
        this.sessions.get(sessionId)!.revoked = true;
    }

    #call(name: string, message: Record<string, never>, request: Request): [object, (string | null)?] {
        switch (name) {
            case "signUp":
            case "signIn":
                return this.#signIn(message["email"]!, message["attemptTag"]!);
            case "refreshTokens":
                return this.#refresh(request, message["attemptTag"]!);
            case "signOut":
                return this.#signOut(request);
            case "getJsonWebKeySet":
                return [{}];
            default:
                return this.#authorized(name, message, request);
        }
    }

    #authorized(name: string, message: Record<string, never>, request: Request): [object, (string | null)?] {
        const session = this.#verify(request.headers.get("authorization"));
        const owner = session.email;
        switch (name) {
            case "getAccount":
                return [{ account: { id: owner, email: owner } }];
            case "changePassword":
                session.epoch += 1;
                session.secret += 1;
                session.generation += 1;
                session.tag = undefined;
                return this.#granted(session);
            case "listTasks":
                return [{ tasks: [...this.tasks.values()].filter((task) => task.owner === owner) }];
            case "createTask":
                return [this.#createTask(message["task"]!, message["requestId"]!, owner)];
            case "getTask":
                return [{ task: this.tasks.get(message["id"]!) }];
            case "updateTask":
                return [this.#updateTask(message["task"]!, message["updateMask"]!)];
            default:
                throw new Error(`not modelled: ${name}`);
        }
    }

    #createTask(task: { title: string }, requestId: string, owner: string): object {
        const known = requestId && this.requestIds.get(requestId);
        if (known) return { task: this.tasks.get(known), replayed: true };
        const row = { id: `task-${this.#next++}`, title: task.title, etag: '"1"', owner };
        this.tasks.set(row.id, row);
        if (requestId) this.requestIds.set(requestId, row.id);
        return { task: row };
    }

    #updateTask(task: { id: string; etag: string; title: string }, mask: { paths: string[] }): object {
        const row = this.tasks.get(task.id)!;
        if (task.etag !== "" && task.etag !== row.etag) throw new Refusal("ABORTED", "ETAG_MISMATCH");
        if (mask.paths.includes("title")) row.title = task.title;
        row.etag = `"${this.#next++}"`;
        return { task: row };
    }

    #verify(header: string | null): SessionRow {
        const [, id, epoch, expires] = /^Bearer at\.([^.]+)\.(\d+)\.(\d+)\./.exec(header ?? "") ?? [];
        const session = id && this.sessions.get(id);
        if (!session) throw new Refusal("UNAUTHENTICATED", "TOKEN_MISSING");
        if (this.#world.time >= Number(expires)) throw new Refusal("UNAUTHENTICATED", "TOKEN_EXPIRED");
        if (session.revoked || Number(epoch) < session.epoch) throw new Refusal("UNAUTHENTICATED", "TOKEN_REVOKED");
        return session;
    }

    #signIn(email: string, tag: Uint8Array): [object, string] {
        const id = `session-${this.#next++}`;
        const session = { id, email, generation: 1, secret: 1, tag: String(tag), revoked: false, epoch: 0 };
        this.sessions.set(id, session);
        const [fields, cookie] = this.#granted(session);
        return [{ ...fields, account: { id: email, email } }, cookie];
    }

    /** The pair of the session as it is: the same pair for the same generation, but for the access token. */
    #granted(session: SessionRow): [object, string] {
        const expires = this.#world.time + this.accessLifeMs;
        const accessToken = `at.${session.id}.${session.epoch}.${expires}.${this.#next++}`;
        const refreshToken = `rt:${session.id}:${session.secret}:${session.generation}`;
        this.secrets.add(accessToken).add(refreshToken);
        const accessTokenExpiresIn = { seconds: BigInt(Math.floor(this.accessLifeMs / 1000)), nanos: (this.accessLifeMs % 1000) * 1e6 };
        const inBody = this.refreshTokensInBody ? { refreshToken } : {};
        return [{ tokens: { ...inBody, accessToken, sessionId: session.id, accessTokenExpiresIn } }, `${session.id}.${refreshToken}`];
    }

    /** The session of the cookie, as the gateway and the auth service check it. */
    #presented(request: Request): { session: SessionRow; secret: number; generation: number } {
        const [, id, secret, generation] = /^([^.]+)\.rt:[^:]+:(\d+):(\d+)$/.exec(request.cookie ?? "") ?? [];
        const expected = request.headers.get("tandem-session-id");
        if (request.headers.get("tandem-session") !== "cookie") throw new Error("a call without the header of cookies");
        if (id === undefined) throw new Refusal("UNAUTHENTICATED", "REFRESH_TOKEN_INVALID");
        if (expected !== null && expected !== id) throw new Refusal("UNAUTHENTICATED", "SESSION_CHANGED");
        return { session: this.sessions.get(id)!, secret: Number(secret), generation: Number(generation) };
    }

    #refresh(request: Request, tagBytes: Uint8Array): [object, string] {
        const { session, secret, generation } = this.#presented(request);
        const tag = String(tagBytes);
        if (secret !== session.secret) throw new Refusal("UNAUTHENTICATED", "REFRESH_TOKEN_INVALID");
        if (session.revoked) throw new Refusal("UNAUTHENTICATED", "SESSION_REVOKED");
        const behind = session.generation - generation;
        if (behind === 0) {
            session.generation += 1;
            session.tag = tag;
            return this.#granted(session);
        }
        if (behind === 1 && session.tag === tag) return this.#granted(session);
        if (behind > 1 && session.tag === tag) throw new Refusal("UNAUTHENTICATED", "REFRESH_TOKEN_STALE");
        session.revoked = true;
        this.reuses += 1;
        throw new Refusal("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED");
    }

    #signOut(request: Request): [object, null] {
        if (request.cookie !== undefined) this.#presented(request).session.revoked = true;
        return [{}, null];
    }
}
