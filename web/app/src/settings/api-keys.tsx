// Keys for programs that use the tasks of this account.
import { useEffect, useRef, useState } from "preact/hooks";
import { TandemError } from "@tandem/sdk";
import type { ApiKey } from "@tandem/sdk";
import { tandem } from "../client.js";
import { focusAfter } from "../tasks/focus.js";
import { dateText, momentText } from "../tasks/times.js";
import { violationOf } from "../texts.js";
import { announce } from "../ui/announce.js";
import { Choice, TextField } from "../ui/field.js";
import { Failure, Form, useAction } from "../ui/form.js";
import { passwordError } from "./current-password.js";
import { Loaded, useLoading } from "./loading.js";

const ACCESS = [["both", "Read and change tasks"], ["read", "Only read tasks"]] as const;
const DAYS = [["365", "One year"], ["90", "90 days"], ["30", "30 days"], ["7", "One week"]] as const;
/** The server refuses more than a year, counted by its own clock. */
const MARGIN_SECONDS = 300;

export function ApiKeys() {
    const loading = useLoading(async () => (await tandem.account.listApiKeys({})).apiKeys);
    const [secret, setSecret] = useState<string>();
    return (
        <section aria-label="API keys">
            <h2 tabIndex={-1}>API keys</h2>
            <p class="hint">A program uses a key instead of your password. Give each program a key of its own.</p>
            {secret && <Secret secret={secret} onClose={() => setSecret(undefined)} />}
            <Loaded loading={loading}>
                {(keys) => keys.length === 0 ? <p class="empty">You have no API keys.</p> : (
                    <ul role="list" class="rows">
                        {keys.map((key) => <KeyRow key={key.id} apiKey={key} onRevoked={loading.reload} />)}
                    </ul>
                )}
            </Loaded>
            <NewKey onCreated={(created) => {
                setSecret(created);
                void loading.reload();
            }} />
        </section>
    );
}

function KeyRow({ apiKey, onRevoked }: { apiKey: ApiKey; onRevoked: () => Promise<void> }) {
    const action = useAction();
    const revoke = (event: MouseEvent) => {
        const row = (event.currentTarget as HTMLElement).closest("li");
        return action.run(async () => {
            await tandem.account.revokeApiKey({ id: apiKey.id }).catch((error: unknown) => {
                if (!TandemError.from(error).is("API_KEY_NOT_FOUND")) throw error;
            });
            focusAfter(row, ".end");
            await onRevoked();
            announce(`Revoked ${apiKey.displayName}`);
        });
    };
    const access = apiKey.scopes.includes("tasks.write") ? "reads and changes tasks" : "only reads tasks";
    return (
        <li>
            <div>
                <p class="title">{apiKey.displayName}</p>
                <p class="hint">{access} · last used {momentText(apiKey.lastUseTime)} · expires {dateText(apiKey.expireTime)}</p>
                <Failure action={action} />
            </div>
            <button class="quiet end" aria-label={`Revoke ${apiKey.displayName}`} onClick={(event) => void revoke(event)}>Revoke</button>
        </li>
    );
}

/** The secret of a new key. It is only in this page, and gone when it is closed. */
function Secret({ secret, onClose }: { secret: string; onClose: () => void }) {
    const [copied, setCopied] = useState(false);
    const field = useRef<HTMLInputElement>(null);
    useEffect(() => field.current?.focus(), []);
    const copy = async () => {
        try {
            await navigator.clipboard.writeText(secret);
            setCopied(true);
            announce("Copied");
        } catch {
            field.current?.select();
        }
    };
    return (
        <div class="notice secret">
            <p id="secret-text">This is the secret of the new key. It is shown only now: store it before you go on.</p>
            <input ref={field} class="code" readOnly aria-label="Secret of the new key" aria-describedby="secret-text" value={secret} onFocus={(event) => event.currentTarget.select()} />
            <div class="buttons">
                <button onClick={() => void copy()}>{copied ? "Copied" : "Copy"}</button>
                <button onClick={onClose}>I have stored it</button>
            </div>
        </div>
    );
}

function NewKey({ onCreated }: { onCreated: (secret: string) => void }) {
    const [name, setName] = useState("");
    const [access, setAccess] = useState("both");
    const [days, setDays] = useState("365");
    const [password, setPassword] = useState("");
    const action = useAction();
    const create = () => action.run(async () => {
        const seconds = Math.floor(Date.now() / 1000) + Number(days) * 86_400 - MARGIN_SECONDS;
        const answer = await tandem.account.createApiKey({
            displayName: name,
            scopes: access === "both" ? ["tasks.read", "tasks.write"] : ["tasks.read"],
            expireTime: { seconds: BigInt(seconds), nanos: 0 },
            currentPassword: password,
        });
        setName("");
        setPassword("");
        onCreated(answer.secret);
    });
    return (
        <>
            <h3>New key</h3>
            <Form class="narrow-form" label="New API key" action={action} fields={["display_name", "current_password", "expire_time"]} onSubmit={() => void create()}>
                <TextField label="What is it for?" value={name} onValue={setName} error={violationOf(action.error, "display_name")} autoComplete="off" />
                <div class="columns">
                    <Choice label="What may it do?" value={access} onValue={setAccess} options={ACCESS} />
                    <Choice label="Valid for" value={days} onValue={setDays} options={DAYS} error={violationOf(action.error, "expire_time")} />
                </div>
                <TextField label="Your current password" type="password" value={password} onValue={setPassword} error={passwordError(action.error)} autoComplete="current-password" />
                <button class="primary" type="submit">{action.busy ? "Creating…" : "Create key"}</button>
            </Form>
        </>
    );
}
