// Signing in, and creating an account.
import { useEffect, useRef, useState } from "preact/hooks";
import type { TandemError } from "@tandem/sdk";
import { deviceLabel, tandem } from "../client.js";
import { HOME } from "../home.js";
import { follow, navigate } from "../router.js";
import type { Place } from "../router.js";
import { textOf, violationOf } from "../texts.js";
import { Brand } from "../ui/brand.js";
import { TextField } from "../ui/field.js";
import { Form, useAction } from "../ui/form.js";

const SIGN_IN = `${HOME}sign-in`;
const SIGN_UP = `${HOME}sign-up`;

interface SignInProps {
    place: Place;
    endedBy: TandemError | "other-tab" | undefined;
    /** Whether a sign-out has not reached the server yet. */
    isUnfinished: boolean;
}

export function SignIn({ place, endedBy, isUnfinished }: SignInProps) {
    const isNew = place.path === SIGN_UP;
    const title = isNew ? "Create an account" : "Sign in";
    const heading = useRef<HTMLHeadingElement>(null);
    const first = useRef(true);
    useEffect(() => {
        document.title = `${title} – Tandem`;
        if (!first.current) heading.current?.focus();
        first.current = false;
    }, [title]);
    return (
        <main class="narrow">
            <Brand />
            <h1 tabIndex={-1} ref={heading}>{title}</h1>
            {endedText(endedBy) && <p class="notice">{endedText(endedBy)}</p>}
            {isUnfinished && (
                <p class="notice">You are signed out here. The server could not be reached: it ends the session as soon as it can be.</p>
            )}
            <Credentials key={title} isNew={isNew} place={place} />
            {isNew
                ? <p class="hint">You have an account? <a href={SIGN_IN} onClick={follow}>Sign in</a></p>
                : <p class="hint">You are new here? <a href={SIGN_UP} onClick={follow}>Create an account</a></p>}
        </main>
    );
}

/** Why nobody is signed in any more. A first visit has no reason. */
function endedText(endedBy: SignInProps["endedBy"]): string | undefined {
    if (endedBy === "other-tab") return "You signed out in another tab.";
    if (endedBy === undefined || endedBy.is("REFRESH_TOKEN_INVALID")) return undefined;
    return textOf(endedBy);
}

function Credentials({ isNew, place }: { isNew: boolean; place: Place }) {
    const [email, setEmail] = useState("");
    const [password, setPassword] = useState("");
    const [name, setName] = useState("");
    const [shown, setShown] = useState(false);
    const action = useAction();
    const submit = () => action.run(async () => {
        const credentials = { email: email.trim(), password, deviceLabel: deviceLabel() };
        if (isNew) await tandem.signUp({ ...credentials, displayName: name.trim() });
        else await tandem.signIn(credentials);
        // Someone who was sent here from another page goes on there.
        if ([SIGN_IN, SIGN_UP].includes(place.path)) navigate(HOME, true);
    });
    const wrong = (field: string) => violationOf(action.error, field);
    return (
        <Form action={action} fields={["email", "password", "display_name"]} onSubmit={() => void submit()}>
            {isNew && <TextField label="Your name (optional)" value={name} onValue={setName} error={wrong("display_name")} autoComplete="name" />}
            <TextField label="Email address" type="email" inputMode="email" value={email} onValue={setEmail} error={wrong("email")} autoComplete="username" spellcheck={false} />
            <TextField
                label="Password"
                type={shown ? "text" : "password"}
                value={password}
                onValue={setPassword}
                error={wrong("password")}
                hint={isNew ? "At least 8 characters. A few words make a good one." : undefined}
                autoComplete={isNew ? "new-password" : "current-password"}
                spellcheck={false}
                autoCapitalize="off"
            />
            <label class="check">
                <input type="checkbox" checked={shown} onChange={() => setShown(!shown)} />
                <span>Show the password</span>
            </label>
            <button class="primary wide" type="submit">{buttonText(isNew, action.busy)}</button>
        </Form>
    );
}

function buttonText(isNew: boolean, busy: boolean): string {
    if (busy) return "One moment…";
    return isNew ? "Create account" : "Sign in";
}
