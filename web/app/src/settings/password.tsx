// A new password.
import { useState } from "preact/hooks";
import { tandem, useSession } from "../client.js";
import { violationOf } from "../texts.js";
import { announce } from "../ui/announce.js";
import { TextField } from "../ui/field.js";
import { Form, useAction } from "../ui/form.js";
import { passwordError } from "./current-password.js";

export function Password() {
    const { account } = useSession();
    const [current, setCurrent] = useState("");
    const [next, setNext] = useState("");
    const [revoke, setRevoke] = useState(false);
    const [done, setDone] = useState(false);
    const action = useAction();
    const submit = () => action.run(async () => {
        setDone(false);
        await tandem.changePassword({ currentPassword: current, newPassword: next, revokeApiKeys: revoke });
        setCurrent("");
        setNext("");
        setDone(true);
        announce("The password was changed");
    });
    return (
        <section aria-label="Password">
            <h2 tabIndex={-1}>Password</h2>
            <p class="hint">A new password ends every other session of this account.</p>
            {done && <p class="notice">The password was changed. Other devices have to sign in again.</p>}
            <Form class="narrow-form" action={action} fields={["current_password", "new_password"]} onSubmit={() => void submit()}>
                <input class="only-read" type="text" autoComplete="username" value={account?.email ?? ""} readOnly tabIndex={-1} aria-hidden="true" />
                <TextField label="Current password" type="password" value={current} onValue={setCurrent} autoComplete="current-password" error={passwordError(action.error)} />
                <TextField label="New password" type="password" value={next} onValue={setNext} autoComplete="new-password" error={violationOf(action.error, "new_password")} hint="At least 8 characters. A few words make a good one." />
                <label class="check">
                    <input type="checkbox" checked={revoke} onChange={() => setRevoke(!revoke)} />
                    <span>Also revoke all API keys</span>
                </label>
                <button class="primary" type="submit">{action.busy ? "Changing…" : "Change password"}</button>
            </Form>
        </section>
    );
}
