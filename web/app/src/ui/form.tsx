// A form that calls the server: busy while it does, with the error that came back.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { isAtFields, textOf } from "../texts.js";

/** A call that a person started. */
export interface Action {
    readonly busy: boolean;
    readonly error: unknown;
    /** Runs it, unless one is under way. Returns whether it succeeded. */
    run(call: () => Promise<void>): Promise<boolean>;
    clear(): void;
}

/** The state of the calls of one form or button. */
export function useAction(): Action {
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const running = useRef(false);
    const alive = useRef(true);
    useEffect(() => () => void (alive.current = false), []);
    return {
        busy,
        error,
        clear: () => setError(undefined),
        async run(call) {
            if (running.current) return false;
            running.current = true;
            setBusy(true);
            setError(undefined);
            try {
                await call();
                return true;
            } catch (failure) {
                if (alive.current) setError(() => failure);
                return false;
            } finally {
                running.current = false;
                if (alive.current) setBusy(false);
            }
        },
    };
}

interface FormProps {
    action: Action;
    /** The ends of the paths of fields that show their own violations. */
    fields: readonly string[];
    onSubmit: () => void;
    children: ComponentChildren;
    class?: string;
    label?: string;
}

/** A form. After a refusal the focus is at the first wrong field, or at the message. */
export function Form({ action, fields, onSubmit, children, label, ...rest }: FormProps) {
    const form = useRef<HTMLFormElement>(null);
    const message = useRef<HTMLParagraphElement>(null);
    useEffect(() => {
        if (action.error === undefined) return;
        const wrong = form.current?.querySelector<HTMLElement>("[aria-invalid]");
        (wrong ?? message.current)?.focus();
    }, [action.error]);
    const submit = (event: Event) => {
        event.preventDefault();
        onSubmit();
    };
    return (
        <form ref={form} class={rest.class} aria-label={label} aria-busy={action.busy} noValidate onSubmit={submit}>
            <Failure action={action} fields={fields} target={message} />
            {children}
        </form>
    );
}

/** What went wrong, unless the fields say it all. */
export function Failure({ action, fields = [], target }: { action: Action; fields?: readonly string[]; target?: { current: HTMLParagraphElement | null } }) {
    if (action.error === undefined || isAtFields(action.error, fields)) return null;
    return <p class="failure" ref={target ?? null} tabIndex={-1} role={target ? undefined : "alert"}>{textOf(action.error)}</p>;
}
