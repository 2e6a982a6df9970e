// What the page shows: signing in, or the tasks and the settings.
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { SignIn } from "./account/sign-in.js";
import { tandem, useSession } from "./client.js";
import { HOME } from "./home.js";
import { follow, navigate, usePlace } from "./router.js";
import type { Place } from "./router.js";
import { forgetLists } from "./tasks/list.js";
import { TasksPage } from "./tasks/page.js";
import { textOf } from "./texts.js";
import { silence } from "./ui/announce.js";
import { Brand } from "./ui/brand.js";
import { Failure, useAction } from "./ui/form.js";

const SETTINGS = `${HOME}settings`;

export function App() {
    const session = useSession();
    const place = usePlace();
    const known = useRef<string>();
    useEffect(() => void tandem.restore(), []);
    // Nothing of an account is left for the next one.
    if (known.current !== session.sessionId) {
        forgetLists();
        silence();
        known.current = session.sessionId;
    }
    if (session.status === "unknown") return <Starting problem={session.problem} />;
    if (session.status === "signed-out") return <SignIn place={place} endedBy={session.endedBy} isUnfinished={session.problem !== undefined} />;
    return (
        <>
            <Header place={place} />
            <main key={session.sessionId}>
                {session.problem && <p class="notice">{textOf(session.problem)}</p>}
                <Page place={place} />
            </main>
        </>
    );
}

/** Until it is known whether someone is signed in. */
function Starting({ problem }: { problem: unknown }) {
    const action = useAction();
    return (
        <main class="narrow">
            <Brand />
            {problem === undefined ? <p class="empty late">One moment…</p> : (
                <div class="failure" role="alert">
                    <p>{textOf(problem)}</p>
                    <button onClick={() => void action.run(async () => void (await tandem.restore()))}>Try again</button>
                </div>
            )}
        </main>
    );
}

function Header({ place }: { place: Place }) {
    const action = useAction();
    const inSettings = place.path.startsWith(SETTINGS);
    const current = (is: boolean) => (is ? "page" as const : undefined);
    const signOut = () => action.run(async () => {
        await tandem.signOut();
        navigate(HOME, true);
    });
    return (
        <header>
            <Brand />
            <nav aria-label="Pages">
                <a href={HOME} onClick={follow} aria-current={current(!inSettings)}>Tasks</a>
                <a href={SETTINGS} onClick={follow} aria-current={current(inSettings)}>Settings</a>
                <button class="quiet" onClick={() => void signOut()}>Sign out</button>
            </nav>
            <Failure action={action} />
        </header>
    );
}

function Page({ place }: { place: Place }) {
    const path = place.path.replace(/\/$/, "");
    const first = useRef(true);
    // A screen reader hears the name of the new page.
    useEffect(() => {
        if (!first.current) document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
        first.current = false;
    }, [path]);
    if (`${path}/` === HOME || path === `${HOME}sign-up` || path === `${HOME}sign-in`) return <TasksPage place={place} />;
    if (path === SETTINGS || path.startsWith(`${SETTINGS}/`)) return <Settings place={place} />;
    return (
        <>
            <h1 tabIndex={-1}>Nothing is here</h1>
            <p><a href={HOME} onClick={follow}>Go to your tasks</a></p>
        </>
    );
}

type SettingsPage = ComponentType<{ place: Place }>;
let loaded: SettingsPage | undefined;

/** The settings are loaded when they are first opened. */
function Settings({ place }: { place: Place }) {
    const [page, setPage] = useState<SettingsPage | undefined>(() => loaded);
    const action = useAction();
    const load = () => action.run(async () => {
        loaded = (await import("./settings/page.js")).SettingsPage;
        setPage(() => loaded);
    });
    useEffect(() => {
        if (!page) void load();
    }, []);
    const Loaded = page;
    // The heading stays while the rest is loaded, so that it keeps the focus.
    return (
        <>
            <h1 tabIndex={-1}>Settings</h1>
            {Loaded && <Loaded place={place} />}
            {action.error ? (
                <div class="failure" role="alert">
                    <p>This page could not be loaded. The server may have a newer one.</p>
                    <button onClick={() => location.reload()}>Load again</button>
                </div>
            ) : !Loaded && <p class="empty late">Loading…</p>}
        </>
    );
}
