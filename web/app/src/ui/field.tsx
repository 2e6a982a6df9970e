// Fields of forms, with their label, their hint and what is wrong with them.
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

interface Common {
    label: string;
    hint?: string | undefined;
    error?: string | undefined;
}

interface Described {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": boolean | undefined;
}

function Row({ label, hint, error, children }: Common & { children: (props: Described) => ComponentChildren }) {
    const id = useId();
    const described = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
    return (
        <div class="field">
            <label for={id}>{label}</label>
            {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined })}
            {error && <p class="field-error" id={`${id}-error`}>{error}</p>}
            {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
        </div>
    );
}

type Input = Omit<JSX.IntrinsicElements["input"], "onInput" | "value" | "label">;

/** A field of one line. */
export function TextField({ label, hint, error, value, onValue, ...rest }: Common & Input & { value: string; onValue: (value: string) => void }) {
    return (
        <Row label={label} hint={hint} error={error}>
            {(described) => <input type="text" {...rest} {...described} value={value} onInput={(event) => onValue(event.currentTarget.value)} />}
        </Row>
    );
}

/** A field of several lines. */
export function TextArea({ label, hint, error, value, onValue, rows = 3 }: Common & { value: string; onValue: (value: string) => void; rows?: number }) {
    return (
        <Row label={label} hint={hint} error={error}>
            {(described) => <textarea rows={rows} {...described} value={value} onInput={(event) => onValue(event.currentTarget.value)} />}
        </Row>
    );
}

/** One of a few values. */
export function Choice({ label, hint, error, value, onValue, options }: Common & { value: string; onValue: (value: string) => void; options: readonly (readonly [string, string])[] }) {
    return (
        <Row label={label} hint={hint} error={error}>
            {(described) => (
                <select {...described} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
                    {options.map(([name, text]) => <option key={name} value={name}>{text}</option>)}
                </select>
            )}
        </Row>
    );
}
