// The labels of a task, in its form.
import { useRef, useState } from "preact/hooks";
import { announce } from "../ui/announce.js";
import { TextField } from "../ui/field.js";

interface LabelsProps {
    labels: readonly string[];
    onLabels: (labels: readonly string[]) => void;
    error?: string | undefined;
}

/** Enter or a comma adds what was typed; each label has a button that removes it. */
export function LabelsField({ labels, onLabels, error }: LabelsProps) {
    const [typed, setTyped] = useState("");
    const root = useRef<HTMLDivElement>(null);
    const toInput = () => root.current?.querySelector<HTMLInputElement>("input")?.focus();

    const add = () => {
        const label = typed.trim();
        if (!label) return false;
        if (!labels.includes(label)) onLabels([...labels, label]);
        setTyped("");
        announce(`Added the label ${label}`);
        return true;
    };
    const remove = (label: string) => {
        onLabels(labels.filter((other) => other !== label));
        toInput();
        announce(`Removed the label ${label}`);
    };
    const keys = (event: KeyboardEvent) => {
        if (!(event.target instanceof HTMLInputElement) || event.isComposing || event.ctrlKey || event.metaKey) return;
        // With nothing typed, Enter saves the form.
        if ((event.key === "Enter" || event.key === ",") && add()) event.preventDefault();
    };

    return (
        <div class="labels-field" ref={root} onKeyDown={keys}>
            <TextField label="Add a label" value={typed} onValue={setTyped} onBlur={add} error={error} hint="Enter adds it." autoComplete="off" />
            {labels.length > 0 && (
                <ul role="list" class="chips" aria-label="Labels">
                    {labels.map((label) => (
                        <li key={label}>
                            <button type="button" class="chip" aria-label={`Remove the label ${label}`} onClick={() => remove(label)}>
                                {label} <span aria-hidden="true">×</span>
                            </button>
                        </li>
                    ))}
                </ul>
            )}
        </div>
    );
}
