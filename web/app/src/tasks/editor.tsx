// The form that takes the place of a task while it is edited.
import { useEffect, useRef, useState } from "preact/hooks";
import { TandemError } from "@tandem/sdk";
import type { Task } from "@tandem/sdk";
import { tandem } from "../client.js";
import { violationOf } from "../texts.js";
import { announce } from "../ui/announce.js";
import { Choice, TextArea, TextField } from "../ui/field.js";
import { Form, useAction } from "../ui/form.js";
import { IMPORTANCES, STATUSES, changesOf, differences, draftOf, rebased } from "./change.js";
import type { Draft } from "./change.js";
import { LabelsField } from "./labels.js";

const FIELDS = ["title", "description", "status", "priority", "due_time", "labels"];

interface EditorProps {
    task: Task;
    /** `saved` is missing if nothing was saved. */
    onClose: (saved?: Task) => void;
}

export function Editor({ task, onClose }: EditorProps) {
    const [base, setBase] = useState(task);
    const [draft, setDraft] = useState(() => draftOf(task));
    const [newest, setNewest] = useState<Task>();
    const action = useAction();
    const root = useRef<HTMLDivElement>(null);
    useEffect(() => root.current?.querySelector<HTMLInputElement>("input")?.focus(), []);

    const set = (change: Partial<Draft>) => setDraft((now) => ({ ...now, ...change }));
    const wrong = (field: string) => violationOf(action.error, field);

    /** A version that was read after a conflict is shown, also if nothing is saved. */
    const close = () => onClose(base === task ? undefined : base);
    const save = () => action.run(async () => {
        const changes = changesOf(draftOf(base), draft);
        if (Object.keys(changes).length === 0) return close();
        try {
            const saved = await tandem.updateTask(base, changes);
            onClose(saved);
            announce(`Saved ${saved.title}`);
        } catch (error) {
            if (!TandemError.from(error).is("ETAG_MISMATCH")) throw error;
            const answer = await tandem.tasks.getTask({ id: base.id });
            if (answer.task?.deleteTime) throw new TandemError("", 9, { reason: "TASK_DELETED" });
            setNewest(answer.task);
        }
    });
    /** Goes on from the newest version, with or without what was typed here. */
    const resolve = (keep: boolean) => {
        if (!newest) return;
        setDraft(keep ? rebased(draftOf(base), draft, draftOf(newest)) : draftOf(newest));
        setBase(newest);
        setNewest(undefined);
        root.current?.querySelector<HTMLInputElement>("input")?.focus();
    };
    const keys = (event: KeyboardEvent) => {
        if (event.isComposing) return;
        if (event.key === "Escape") {
            event.stopPropagation();
            close();
        } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            void save();
        }
    };

    return (
        <div ref={root} onKeyDown={keys}>
            <Form class="editor" label={`Edit ${task.title}`} action={action} fields={FIELDS} onSubmit={() => void save()}>
                {newest && <Conflict base={base} newest={newest} onResolve={resolve} />}
                <TextField label="Title" value={draft.title} onValue={(title) => set({ title })} error={wrong("title")} autoComplete="off" />
                <TextArea label="Description" value={draft.description} onValue={(description) => set({ description })} error={wrong("description")} />
                <div class="columns">
                    <Choice label="Progress" value={draft.status} onValue={(status) => set({ status })} options={STATUSES} error={wrong("status")} />
                    <Choice label="Priority" value={draft.priority} onValue={(priority) => set({ priority })} options={IMPORTANCES} error={wrong("priority")} />
                    <TextField label="Due date" type="date" value={draft.day} onValue={(day) => set({ day })} error={wrong("due_time")} />
                    <TextField label="Due time" type="time" value={draft.time} onValue={(time) => set({ time })} disabled={!draft.day} />
                </div>
                <LabelsField labels={draft.labels} onLabels={(labels) => set({ labels })} error={wrong("labels")} />
                <div class="buttons">
                    <button class="primary" type="submit">{action.busy ? "Saving…" : "Save"}</button>
                    <button type="button" onClick={close}>Cancel</button>
                </div>
            </Form>
        </div>
    );
}

/** Someone else saved first. The person decides what becomes of the form. */
function Conflict({ base, newest, onResolve }: { base: Task; newest: Task; onResolve: (keep: boolean) => void }) {
    const region = useRef<HTMLDivElement>(null);
    useEffect(() => region.current?.focus(), [newest]);
    const changed = differences(draftOf(base), draftOf(newest));
    const what = changed.length > 0 ? ` What changed there: ${changed.join(", ")}.` : "";
    return (
        <div class="failure" ref={region} tabIndex={-1} role="group" aria-label="Conflict">
            <p>This task was changed somewhere else while you were editing it.{what}</p>
            <div class="buttons">
                <button type="button" onClick={() => onResolve(true)}>Keep my changes</button>
                <button type="button" onClick={() => onResolve(false)}>Use the other version</button>
            </div>
        </div>
    );
}
