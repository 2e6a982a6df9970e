// Where the account is signed in.
import type { AccountSession } from "@tandem/sdk";
import { TandemError } from "@tandem/sdk";
import { deviceLabel, tandem } from "../client.js";
import { focusAfter } from "../tasks/focus.js";
import { momentText } from "../tasks/times.js";
import { announce } from "../ui/announce.js";
import { Failure, useAction } from "../ui/form.js";
import { Loaded, useLoading } from "./loading.js";

export function Sessions() {
    const loading = useLoading(async () => (await tandem.account.listSessions({})).sessions);
    const action = useAction();
    const endOthers = () => action.run(async () => {
        const { revokedCount } = await tandem.account.revokeOtherSessions({});
        await loading.reload();
        document.querySelector<HTMLElement>("h2")?.focus();
        announce(`Ended ${revokedCount} other ${revokedCount === 1 ? "session" : "sessions"}`);
    });
    return (
        <section aria-label="Sessions">
            <h2 tabIndex={-1}>Sessions</h2>
            <p class="hint">Each sign-in of a device is a session. End those that you do not know, and change your password then.</p>
            <Loaded loading={loading}>
                {(sessions) => (
                    <>
                        <ul role="list" class="rows">
                            {sessions.map((session) => <SessionRow key={session.id} session={session} onEnded={loading.reload} />)}
                        </ul>
                        {sessions.length > 1 && <button onClick={() => void endOthers()}>End all other sessions</button>}
                    </>
                )}
            </Loaded>
            <Failure action={action} />
        </section>
    );
}

function SessionRow({ session, onEnded }: { session: AccountSession; onEnded: () => Promise<void> }) {
    const action = useAction();
    const name = session.deviceLabel || (session.userAgent ? deviceLabel(session.userAgent) : "Unknown device");
    const end = (event: MouseEvent) => {
        const row = (event.currentTarget as HTMLElement).closest("li");
        return action.run(async () => {
            await tandem.account.revokeSession({ sessionId: session.id }).catch((error: unknown) => {
                if (!TandemError.from(error).is("SESSION_NOT_FOUND")) throw error;
            });
            focusAfter(row, ".end");
            await onEnded();
            announce(`Ended the session of ${name}`);
        });
    };
    return (
        <li>
            <div>
                <p class="title">{name}{session.current && <span class="badge">This device</span>}</p>
                <p class="hint">Last used {momentText(session.lastRefreshTime)} · since {momentText(session.createTime)}{session.ip && ` · ${session.ip}`}</p>
                <Failure action={action} />
            </div>
            {!session.current && <button class="quiet end" aria-label={`End the session of ${name}`} onClick={(event) => void end(event)}>End</button>}
        </li>
    );
}
