// Addresses below /app/, and the place on the page that Back returns to.
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

/** Where the browser is. */
export interface Place {
    readonly path: string;
    readonly query: string;
    /** Names this entry of the history. */
    readonly key: string;
}

let place = read();
const listeners = new Set<(place: Place) => void>();
/** How far down the page each entry of the history was. */
const heights = new Map<string, number>();

function read(): Place {
    const state: unknown = history.state;
    const known = typeof state === "object" && state !== null && "key" in state ? String(state.key) : undefined;
    return { path: location.pathname, query: location.search, key: known ?? "first" };
}

function change(next: Place): void {
    heights.set(place.key, window.scrollY);
    place = next;
    for (const listener of [...listeners]) listener(next);
}

history.scrollRestoration = "manual";
window.addEventListener("popstate", () => change(read()));

/** Goes to an address below /app/. `replace` leaves no entry to go back to. */
export function navigate(to: string, replace = false): void {
    const key = replace ? place.key : Math.random().toString(36).slice(2);
    if (replace) history.replaceState({ key }, "", to);
    else history.pushState({ key }, "", to);
    change({ ...read(), key });
}

/** The place, kept up to date. */
export function usePlace(): Place {
    const [current, setCurrent] = useState(place);
    useEffect(() => {
        setCurrent(place);
        listeners.add(setCurrent);
        return () => void listeners.delete(setCurrent);
    }, []);
    return current;
}

/** Restores how far down this entry of the history was. A new page begins at its top. */
export function useHeight(current: Place): void {
    useLayoutEffect(() => {
        window.scrollTo(0, heights.get(current.key) ?? 0);
    }, [current.key]);
}

/** For `onClick` of a link: goes there without loading the page again, unless a new tab or window is wanted. */
export function follow(event: MouseEvent): void {
    const link = event.currentTarget;
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!plain || !(link instanceof HTMLAnchorElement)) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
}
