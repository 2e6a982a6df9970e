// Puts the parts together.
import { createClient } from "@connectrpc/connect";
import { authorized, retries, typedErrors } from "./calls.js";
import { Entrance } from "./entrance.js";
import { browserChannel, browserClock, browserPage } from "./environment.js";
import { SessionCalls } from "./gateway.js";
import { AccountService } from "./gen/tandem/auth/v1/account_service_pb.js";
import { AuthService } from "./gen/tandem/auth/v1/auth_service_pb.js";
import { TaskService } from "./gen/tandem/task/v1/task_service_pb.js";
import { Hints } from "./hints.js";
import { SessionKeeper } from "./session.js";
import { browserStorage } from "./storage.js";
import { AttemptTags } from "./tags.js";
import { createTask, updateTask } from "./tasks.js";
import { transports } from "./transport.js";
import type { AccountClient, AuthClient, HintChannel, Tandem, TandemOptions } from "./types.js";

const TIMEOUT_MS = 10_000;

/** Tabs that talk to the same gateway share a channel and a record. */
function sharedName(baseUrl: string | undefined): string {
    return `tandem ${baseUrl ?? globalThis.location?.origin ?? ""}`;
}

function channelOf(options: TandemOptions): HintChannel | undefined {
    // With the token in memory every tab has a session of its own.
    if (options.channel === "none" || options.refreshToken === "memory") return undefined;
    return options.channel ?? browserChannel(sharedName(options.baseUrl));
}

function tagsOf(options: TandemOptions): AttemptTags {
    const { storage, refreshToken, clock = browserClock } = options;
    const inMemory = storage === "memory" || refreshToken === "memory";
    return new AttemptTags(inMemory ? undefined : (storage ?? browserStorage(sharedName(options.baseUrl))), clock);
}

/** Connects to Tandem. Call `restore()` next, to find out who is signed in. */
export function createTandem(options: TandemOptions = {}): Tandem {
    const { clock = browserClock, random = Math.random, page = browserPage, timeoutMs = TIMEOUT_MS } = options;
    const connect = transports(options, timeoutMs);
    const retry = retries(clock, random);
    const tags = tagsOf(options);
    const hints = new Hints(channelOf(options));
    const calls = new SessionCalls(connect([]), options.refreshToken ?? "cookie");
    const session = new SessionKeeper({ calls, tags, clock, random, hints, page, timeoutMs });
    const signed = connect([authorized(session, retry)]);
    const auth = typedErrors(createClient(AuthService, connect([retry])));
    const account = typedErrors(createClient(AccountService, signed));
    const tasks = typedErrors(createClient(TaskService, signed));
    const entrance = new Entrance(session, calls, tags, clock, account);

    hints.listen((hint) => session.hear(hint));
    const unsubscribe = page.subscribe((restored) => {
        session.resume(restored);
        entrance.resume().catch(() => {});
    });
    // A session of another tab comes without its account.
    let seen: string | undefined;
    session.observable.subscribe(({ sessionId }) => {
        if (sessionId === seen) return;
        seen = sessionId;
        entrance.loadAccount().catch(() => {});
    });
    return {
        session: session.observable,
        auth: auth as AuthClient,
        account: account as AccountClient,
        tasks,
        signUp: (input) => entrance.signUp(input),
        signIn: (input) => entrance.signIn(input),
        signOut: () => entrance.signOut(),
        restore: () => entrance.restore(),
        changePassword: (input) => entrance.changePassword(input),
        deleteAccount: (password) => entrance.deleteAccount(password),
        createTask: (task, settings) => createTask(tasks, task, settings),
        updateTask: (task, changes, settings) => updateTask(tasks, task, changes, settings),
        close() {
            unsubscribe();
            session.close();
        },
    };
}
