// The end of an account.
import { useState } from "preact/hooks";
import { tandem, useSession } from "../client.js";
import { HOME } from "../home.js";
import { navigate } from "../router.js";
import { TextField } from "../ui/field.js";
import { Form, useAction } from "../ui/form.js";
import { passwordError } from "./current-password.js";

export function DeleteAccount() {
    const { account } = useSession();
    const [password, setPassword] = useState("");
    const action = useAction();
    const remove = () => action.run(async () => {
        await tandem.deleteAccount(password);
        navigate(HOME, true);
    });
    return (
        <section aria-label="Delete account">
            <h2 tabIndex={-1}>Delete account</h2>
            <p>This deletes the account {account?.email} with all its tasks and API keys, and ends every session. It cannot be undone.</p>
            <Form class="narrow-form" action={action} fields={["current_password"]} onSubmit={() => void remove()}>
                <TextField label="Your current password" type="password" value={password} onValue={setPassword} error={passwordError(action.error)} autoComplete="current-password" />
                <button class="danger" type="submit">{action.busy ? "Deleting…" : "Delete this account for good"}</button>
            </Form>
        </section>
    );
}
