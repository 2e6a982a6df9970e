// What the list shows: from the address of the page to the filter language of ListTasks.
import { HOME } from "../home.js";

export type View = "open" | "done" | "all" | "deleted";
export type Due = "" | "overdue" | "today" | "week" | "none";
export type Importance = "" | "high" | "normal" | "low";

/** What a person chose. Empty texts mean no restriction. */
export interface Selection {
    readonly view: View;
    readonly text: string;
    readonly label: string;
    readonly priority: Importance;
    readonly due: Due;
    readonly order: Order;
}

export const VIEWS = [["open", "Open"], ["done", "Done"], ["all", "All"], ["deleted", "Deleted"]] as const;
export const DUES = [["", "Any time"], ["overdue", "Overdue"], ["today", "Today"], ["week", "Next 7 days"], ["none", "No due date"]] as const;
export const PRIORITIES = [["", "Any"], ["high", "High"], ["normal", "Normal"], ["low", "Low"]] as const;
export const ORDERS = [
    ["newest", "Newest first", "create_time desc"],
    ["oldest", "Oldest first", "create_time"],
    ["due", "Due first", "due_time"],
    ["priority", "Important first", "priority desc"],
    ["title", "By title", "title"],
    ["changed", "Last changed first", "update_time desc"],
] as const;
export type Order = (typeof ORDERS)[number][0];

export const NOTHING: Selection = { view: "open", text: "", label: "", priority: "", due: "", order: "newest" };
/** The longest search that fits into a filter of 1000 characters beside the other terms. */
export const LONGEST_SEARCH = 200;

function oneOf<T extends string>(options: readonly (readonly [T, ...unknown[]])[], value: string | null, otherwise: T): T {
    return options.find(([name]) => name === value)?.[0] ?? otherwise;
}

/** The selection in the query of an address. What cannot be read counts as not chosen. */
export function selectionOf(query: string): Selection {
    const values = new URLSearchParams(query);
    return {
        view: oneOf(VIEWS, values.get("view"), "open"),
        text: clean(values.get("q") ?? ""),
        label: clean(values.get("label") ?? ""),
        priority: oneOf(PRIORITIES, values.get("priority"), ""),
        due: oneOf(DUES, values.get("due"), ""),
        order: oneOf(ORDERS, values.get("order"), "newest"),
    };
}

/** The address of a selection. */
export function addressOf(selection: Selection): string {
    const values = new URLSearchParams();
    const set = (name: string, value: string, usual: string) => {
        if (value !== usual) values.set(name, value);
    };
    set("view", selection.view, NOTHING.view);
    set("q", selection.text, "");
    set("label", selection.label, "");
    set("priority", selection.priority, "");
    set("due", selection.due, "");
    set("order", selection.order, NOTHING.order);
    const query = values.toString();
    return query ? `${HOME}?${query}` : HOME;
}

/** No task contains a control character, and the filter language has none. Half a surrogate pair is no character. */
function clean(text: string): string {
    const points = [...text.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").trim()];
    return points.filter((point) => !/^[\ud800-\udfff]$/.test(point)).slice(0, LONGEST_SEARCH).join("");
}

/** A text as the filter language writes it: in double quotes, with `"` and `\` escaped. */
export function quoted(text: string): string {
    return `"${clean(text).replace(/[\\"]/g, "\\$&")}"`;
}

/** The filter of ListTasks for a selection. `now` decides what is overdue, and when today ends. */
export function filterOf(selection: Selection, now: Date): string {
    const terms: string[] = [];
    if (selection.view === "open") terms.push("status != COMPLETED");
    if (selection.view === "done") terms.push("status = COMPLETED");
    if (selection.priority) terms.push(`priority = ${selection.priority.toUpperCase()}`);
    terms.push(...dueTerms(selection.due, now));
    if (selection.label) terms.push(`labels:${quoted(selection.label)}`);
    if (selection.text) terms.push(quoted(selection.text));
    return terms.join(" AND ");
}

function dueTerms(due: Due, now: Date): string[] {
    const before = (time: Date) => `due_time < "${time.toISOString()}"`;
    const midnight = (days: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
    const from = `due_time >= "${midnight(0).toISOString()}"`;
    switch (due) {
        case "":
            return [];
        case "none":
            return ["NOT due_time:*"];
        case "overdue":
            return [before(now), "status != COMPLETED"];
        case "today":
            return [from, before(midnight(1))];
        case "week":
            return [from, before(midnight(7))];
    }
}

/** The order of ListTasks for a selection. The tasks deleted last are the ones that changed last. */
export function orderOf(selection: Selection): string {
    if (selection.view === "deleted") return "update_time desc";
    return ORDERS.find(([name]) => name === selection.order)?.[2] ?? "create_time desc";
}

/** Whether more is restricted than the view. */
export function isRestricted({ text, label, priority, due }: Selection): boolean {
    return Boolean(text || label || priority || due);
}
