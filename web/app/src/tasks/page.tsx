// The tasks of the person who is signed in.
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Task } from "@tandem/sdk";
import { tandem } from "../client.js";
import { useHeight } from "../router.js";
import type { Place } from "../router.js";
import { textOf, violationOf } from "../texts.js";
import { announce } from "../ui/announce.js";
import { TextField } from "../ui/field.js";
import { Form, useAction } from "../ui/form.js";
import { isRestricted, selectionOf } from "./filter.js";
import type { Selection } from "./filter.js";
import { moveByArrows } from "./focus.js";
import { Item } from "./item.js";
import { keepOnly, listOf } from "./list.js";
import type { TaskList } from "./list.js";
import { Toolbar } from "./toolbar.js";

export function TasksPage({ place }: { place: Place }) {
    const selection = selectionOf(place.query);
    const list = listOf(place.query, selection);
    const [, redraw] = useReducer((count: number) => count + 1, 0);
    // At once: an answer that came before an effect after painting would never be shown.
    useLayoutEffect(() => list.subscribe(() => redraw(0)), [list]);
    useEffect(() => {
        document.title = "Tasks – Tandem";
    }, []);
    useHeight(place);
    return (
        <>
            <h1 tabIndex={-1}>Tasks</h1>
            {selection.view !== "deleted" && <NewTask list={list} selection={selection} />}
            <Toolbar selection={selection} />
            <Tasks list={list} selection={selection} />
        </>
    );
}

/** Creates a task. The focus stays in the field, so that several can be written in a row. */
function NewTask({ list, selection }: { list: TaskList; selection: Selection }) {
    const [title, setTitle] = useState("");
    const action = useAction();
    /** The same until a task was created, so that pressing Enter twice makes one. */
    const requestId = useRef<string>();
    const create = async () => {
        const sent = title;
        requestId.current ??= crypto.randomUUID?.();
        const labels = selection.label ? [selection.label] : [];
        const id = requestId.current;
        const created = await action.run(async () => {
            const task = await tandem.createTask({ title: sent, labels }, id ? { requestId: id } : {});
            keepOnly(list);
            list.add(task);
            setTitle((now) => (now === sent ? "" : now));
            announce(`Added ${task.title}`);
        });
        if (created) requestId.current = undefined;
    };
    return (
        <Form class="new-task" label="New task" action={action} fields={["title"]} onSubmit={() => void create()}>
            <TextField label="New task" value={title} autoComplete="off" error={violationOf(action.error, "title")} onValue={(value) => {
                // Another text is another task.
                requestId.current = undefined;
                setTitle(value);
            }} />
            <button class="primary" type="submit">{action.busy ? "Adding…" : "Add"}</button>
        </Form>
    );
}

function Tasks({ list, selection }: { list: TaskList; selection: Selection }) {
    const { rows, phase, error, more } = list.state;
    const root = useRef<HTMLUListElement>(null);
    const change = (task: Task, gone?: "deleted" | "restored") => {
        keepOnly(list);
        list.put(task, gone);
    };
    const showMore = async () => {
        const before = list.state.rows.length;
        const added = await list.more();
        if (added === 0) return;
        requestAnimationFrame(() => {
            const first = root.current?.children[before];
            first?.querySelector<HTMLElement>("input, button")?.focus();
            announce(`${added} more, ${before + added} in all`);
        });
    };
    useEffect(() => {
        if (phase === "ready" && isRestricted(selection)) announce(`${count(rows.length)}${more ? " and more" : ""} found`);
    }, [list, phase === "ready" && rows === list.state.rows && list]);
    return (
        <section aria-label="Tasks" aria-busy={phase === "loading"}>
            {phase === "failed" && (
                <div class="failure" role="alert">
                    <p>{textOf(error)}</p>
                    <button onClick={() => void list.reload()}>Try again</button>
                </div>
            )}
            {rows.length > 0 && (
                <ul role="list" class="tasks" ref={root} onKeyDown={moveByArrows}>
                    {rows.map((row) => <Item key={row.task.id} row={row} selection={selection} onChange={change} />)}
                </ul>
            )}
            {rows.length === 0 && phase === "loading" && <p class="empty late">Loading…</p>}
            {rows.length === 0 && phase === "ready" && <p class="empty">{emptyText(selection)}</p>}
            {more && rows.length > 0 && (
                <button class="more" onClick={() => void showMore()}>{phase === "loading" ? "Loading…" : "Show more"}</button>
            )}
        </section>
    );
}

function count(number: number): string {
    return number === 1 ? "1 task" : `${number} tasks`;
}

function emptyText(selection: Selection): string {
    if (isRestricted(selection)) return "No task matches. Change the search or clear the filters.";
    switch (selection.view) {
        case "open":
            return "Nothing to do. Write your first task above.";
        case "done":
            return "Nothing is done yet.";
        case "all":
            return "You have no tasks yet.";
        case "deleted":
            return "Nothing was deleted in the last 30 days.";
    }
}
