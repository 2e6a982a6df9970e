// The account of the person who is signed in.
import { useEffect } from "preact/hooks";
import { useSession } from "../client.js";
import { HOME } from "../home.js";
import { follow, useHeight } from "../router.js";
import type { Place } from "../router.js";
import { ApiKeys } from "./api-keys.js";
import { DeleteAccount } from "./delete-account.js";
import { Password } from "./password.js";
import { Sessions } from "./sessions.js";

const PARTS = [
    ["sessions", "Sessions", Sessions],
    ["password", "Password", Password],
    ["api-keys", "API keys", ApiKeys],
    ["delete-account", "Delete account", DeleteAccount],
] as const;

export function SettingsPage({ place }: { place: Place }) {
    const { account } = useSession();
    const name = place.path.replace(/\/$/, "").split("/")[3] ?? "sessions";
    const part = PARTS.find(([part]) => part === name);
    const title = part?.[1] ?? "Settings";
    useEffect(() => {
        document.title = `${title} – Tandem`;
    }, [title]);
    useHeight(place);
    const Part = part?.[2];
    return (
        <>
            {account && <p class="hint who">{account.displayName} · {account.email}</p>}
            <nav aria-label="Settings">
                <ul role="list" class="views">
                    {PARTS.map(([part, text]) => (
                        <li key={part}>
                            <a href={`${HOME}settings/${part}`} onClick={follow} aria-current={part === name ? "page" : undefined}>{text}</a>
                        </li>
                    ))}
                </ul>
            </nav>
            {Part ? <Part /> : <p>There is no such page.</p>}
        </>
    );
}
