// A list of the account that is loaded when its page opens.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { textOf } from "../texts.js";

export interface Loading<T> {
    readonly value: T | undefined;
    readonly error: unknown;
    reload(): Promise<void>;
}

/** Loads once, and again on demand. What is shown stays meanwhile. */
export function useLoading<T>(load: () => Promise<T>): Loading<T> {
    const [value, setValue] = useState<T>();
    const [error, setError] = useState<unknown>();
    const reload = async () => {
        setError(undefined);
        try {
            const loaded = await load();
            setValue(() => loaded);
        } catch (failure) {
            setError(() => failure);
        }
    };
    useEffect(() => void reload(), []);
    return { value, error, reload };
}

/** The value once it is there; before that, or if it cannot be had, a text. */
export function Loaded<T>({ loading, children }: { loading: Loading<T>; children: (value: T) => ComponentChildren }) {
    const { value, error, reload } = loading;
    return (
        <>
            {error !== undefined && (
                <div class="failure" role="alert">
                    <p>{textOf(error)}</p>
                    <button onClick={() => void reload()}>Try again</button>
                </div>
            )}
            {value !== undefined && children(value)}
            {value === undefined && error === undefined && <p class="empty late">Loading…</p>}
        </>
    );
}
