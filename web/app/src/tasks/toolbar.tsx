// What is shown, and in which order. Every choice is in the address, so Back undoes it and a link shares it.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { follow, navigate } from "../router.js";
import { Choice, TextField } from "../ui/field.js";
import { DUES, LONGEST_SEARCH, NOTHING, ORDERS, PRIORITIES, VIEWS, addressOf, isRestricted, selectionOf } from "./filter.js";
import type { Selection } from "./filter.js";

/** How long after the last key a search begins. */
const SEARCH_DELAY_MS = 300;

export function Toolbar({ selection }: { selection: Selection }) {
    const { view, label, priority, due, order } = selection;
    const [open, setOpen] = useState(Boolean(priority || due || order !== NOTHING.order));
    const set = (change: Partial<Selection>) => navigate(addressOf({ ...selection, ...change }));
    return (
        <div class="toolbar">
            <nav aria-label="Which tasks">
                <ul role="list" class="views">
                    {VIEWS.map(([name, text]) => (
                        <li key={name}>
                            <a href={addressOf({ ...selection, view: name })} onClick={follow} aria-current={name === view ? "page" : undefined}>{text}</a>
                        </li>
                    ))}
                </ul>
            </nav>
            <div class="search-row">
                <Search selection={selection} />
                <button type="button" class="quiet" aria-expanded={open} aria-controls="filters" onClick={() => setOpen(!open)}>Filter and sort</button>
            </div>
            <div id="filters" class="columns" hidden={!open}>
                <Choice label="Due" value={due} options={DUES} onValue={(value) => set({ due: value as Selection["due"] })} />
                <Choice label="Priority" value={priority} options={PRIORITIES} onValue={(value) => set({ priority: value as Selection["priority"] })} />
                {view !== "deleted" && <Choice label="Order" value={order} options={ORDERS.map(([name, text]) => [name, text] as const)} onValue={(value) => set({ order: value as Selection["order"] })} />}
            </div>
            {isRestricted(selection) && (
                <ul role="list" class="chips" aria-label="Filters in use">
                    {label && <li><button class="chip" aria-label={`Remove the filter label ${label}`} onClick={() => set({ label: "" })}>Label: {label} <span aria-hidden="true">×</span></button></li>}
                    <li><a class="chip" href={addressOf({ ...NOTHING, view, order })} onClick={follow}>Clear filters</a></li>
                </ul>
            )}
        </div>
    );
}

/** Searches while one types. One search is one entry of the history. */
function Search({ selection }: { selection: Selection }) {
    const [typed, setTyped] = useState(selection.text);
    const sent = useRef(selection.text);
    const timer = useRef<ReturnType<typeof setTimeout>>();
    // Back, or "Clear filters", changes the text from outside. At once: a later search must not be taken for that.
    useLayoutEffect(() => {
        if (selection.text !== sent.current) setTyped(selection.text);
        sent.current = selection.text;
    }, [selection.text]);
    useEffect(() => () => clearTimeout(timer.current), []);

    const search = (text: string) => {
        clearTimeout(timer.current);
        const now = selectionOf(location.search);
        const next = selectionOf(new URLSearchParams({ q: text }).toString()).text;
        if (next === now.text) return;
        sent.current = next;
        navigate(addressOf({ ...now, text: next }), now.text !== "" && next !== "");
    };
    const type = (text: string) => {
        setTyped(text);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => search(text), SEARCH_DELAY_MS);
    };
    return (
        <form role="search" class="search" onSubmit={(event) => {
            event.preventDefault();
            search(typed);
        }}>
            <TextField label="Search" type="search" placeholder="Search" value={typed} onValue={type} maxLength={LONGEST_SEARCH} autoComplete="off" />
        </form>
    );
}
