// One task in the list.
import { useEffect, useRef, useState } from "preact/hooks";
import { TandemError, TaskPriority, TaskStatus } from "@tandem/sdk";
import type { Task } from "@tandem/sdk";
import { tandem } from "../client.js";
import { follow } from "../router.js";
import { announce } from "../ui/announce.js";
import { Failure, useAction } from "../ui/form.js";
import { Editor } from "./editor.js";
import { addressOf } from "./filter.js";
import type { Selection } from "./filter.js";
import { focusAfter } from "./focus.js";
import type { Row } from "./list.js";
import { dateOf, dateText, dueText } from "./times.js";

export interface ItemProps {
    row: Row;
    selection: Selection;
    onChange: (task: Task, gone?: Row["gone"]) => void;
}

export function Item({ row, selection, onChange }: ItemProps) {
    const [editing, setEditing] = useState(false);
    const { task, gone } = row;
    const root = useRef<HTMLLIElement>(null);
    const closed = (saved?: Task) => {
        setEditing(false);
        if (saved) onChange(saved);
        requestAnimationFrame(() => root.current?.querySelector<HTMLElement>(".edit")?.focus());
    };
    let content = <Live task={task} selection={selection} onChange={onChange} onEdit={() => setEditing(true)} />;
    if (gone) content = <Gone row={row} onChange={onChange} />;
    else if (task.deleteTime) content = <Deleted task={task} onChange={onChange} />;
    else if (editing) content = <Editor task={task} onClose={closed} />;
    return <li ref={root} class={editing ? "task editing" : "task"} data-id={task.id}>{content}</li>;
}

type LiveProps = Omit<ItemProps, "row"> & { task: Task; onEdit: () => void };

function Live({ task, selection, onChange, onEdit }: LiveProps) {
    const action = useAction();
    const done = task.status === TaskStatus.COMPLETED;

    const toggle = () => action.run(async () => {
        const status = done ? TaskStatus.PENDING : TaskStatus.COMPLETED;
        // Whatever else changed meanwhile, the person wants this: no etag.
        const changed = await tandem.tasks.updateTask({ task: { id: task.id, status }, updateMask: { paths: ["status"] } });
        if (changed.task) onChange(changed.task);
        announce(done ? `Opened ${task.title} again` : `Completed ${task.title}`);
    });
    const remove = () => action.run(async () => {
        const removed = await tandem.tasks.deleteTask({ id: task.id });
        if (removed.task) onChange(removed.task, "deleted");
        announce(`Deleted ${task.title}. Undo is here.`);
    });

    return (
        <>
            <div class="task-row">
                <label class="check">
                    <input type="checkbox" checked={done} aria-busy={action.busy} onChange={(event) => {
                        event.currentTarget.checked = done;
                        void toggle();
                    }} />
                    <span class={done ? "title done" : "title"}>{task.title}</span>
                </label>
                <div class="task-buttons">
                    <button class="quiet edit" aria-label={`Edit ${task.title}`} onClick={onEdit}>Edit</button>
                    <button class="quiet delete" aria-label={`Delete ${task.title}`} onClick={() => void remove()}>Delete</button>
                </div>
            </div>
            <Facts task={task} selection={selection} />
            {task.description && <p class="description">{task.description}</p>}
            <Failure action={action} />
        </>
    );
}

/** Due date, priority, progress and labels, if there is something to say. */
function Facts({ task, selection }: { task: Task; selection: Selection }) {
    const now = new Date();
    const open = task.status !== TaskStatus.COMPLETED;
    const overdue = open && task.dueTime && dateOf(task.dueTime) < now;
    const facts = [
        task.dueTime && <li key="due" class={overdue ? "warn" : ""}>{overdue ? "Overdue: " : "Due "}{dueText(task.dueTime, now)}</li>,
        open && task.status === TaskStatus.IN_PROGRESS && <li key="progress">In progress</li>,
        task.priority === TaskPriority.HIGH && <li key="priority" class="high">High priority</li>,
        task.priority === TaskPriority.LOW && <li key="priority">Low priority</li>,
        ...task.labels.map((label) => (
            <li key={`label ${label}`}>
                <a class="chip" href={addressOf({ ...selection, label })} onClick={follow} aria-label={`Label ${label}: show these tasks`}>{label}</a>
            </li>
        )),
    ].filter(Boolean);
    return facts.length > 0 ? <ul role="list" class="facts">{facts}</ul> : null;
}

/** In the place of a task that was deleted or restored a moment ago. */
function Gone({ row: { task, gone }, onChange }: Pick<ItemProps, "row" | "onChange">) {
    const action = useAction();
    const button = useRef<HTMLButtonElement>(null);
    useEffect(() => button.current?.focus(), []);
    const restore = () => action.run(async () => {
        const restored = await undelete(task);
        onChange(restored);
        announce(`Restored ${task.title}`);
        requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-id="${task.id}"] .delete`)?.focus());
    });
    return (
        <div class="task-row gone">
            <p>{gone === "deleted" ? "Deleted" : "Restored"} “{task.title}”</p>
            {gone === "deleted" && <button ref={button} class="quiet" aria-label={`Undo: bring back ${task.title}`} onClick={() => void restore()}>Undo</button>}
            <Failure action={action} />
        </div>
    );
}

/** A task in the list of deleted ones. */
function Deleted({ task, onChange }: { task: Task; onChange: ItemProps["onChange"] }) {
    const action = useAction();
    const restore = (event: MouseEvent) => {
        const item = (event.currentTarget as HTMLElement).closest("li");
        return action.run(async () => {
            const restored = await undelete(task);
            focusAfter(item, ".restore");
            onChange(restored, "restored");
            announce(`Restored ${task.title}`);
        });
    };
    return (
        <>
            <div class="task-row">
                <p class="title">{task.title}</p>
                <button class="quiet restore" aria-label={`Restore ${task.title}`} onClick={(event) => void restore(event)}>Restore</button>
            </div>
            <p class="facts">Removed for good on {dateText(task.purgeTime)}</p>
            <Failure action={action} />
        </>
    );
}

/** Brings a task back. If that was done already, somewhere else or by a lost answer, it is as wanted. */
async function undelete(task: Task): Promise<Task> {
    try {
        const { task: restored } = await tandem.tasks.undeleteTask({ id: task.id });
        return restored ?? task;
    } catch (error) {
        if (!TandemError.from(error).is("TASK_NOT_DELETED")) throw error;
        const { task: known } = await tandem.tasks.getTask({ id: task.id });
        return known ?? task;
    }
}
