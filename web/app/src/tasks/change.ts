// A person's changes to one task, as what is sent.
import { TaskPriority, TaskStatus } from "@tandem/sdk";
import type { Task, TaskChanges } from "@tandem/sdk";
import { dueFields, momentOf } from "./times.js";

/** The fields of the form. */
export interface Draft {
    readonly title: string;
    readonly description: string;
    readonly status: string;
    readonly priority: string;
    readonly day: string;
    readonly time: string;
    readonly labels: readonly string[];
}

export const STATUSES = [["pending", "Not started"], ["in_progress", "In progress"], ["completed", "Done"]] as const;
export const IMPORTANCES = [["high", "High"], ["normal", "Normal"], ["low", "Low"]] as const;

const STATUS_NAMES = new Map<TaskStatus, string>([
    [TaskStatus.PENDING, "pending"],
    [TaskStatus.IN_PROGRESS, "in_progress"],
    [TaskStatus.COMPLETED, "completed"],
]);
const PRIORITY_NAMES = new Map<TaskPriority, string>([
    [TaskPriority.LOW, "low"],
    [TaskPriority.NORMAL, "normal"],
    [TaskPriority.HIGH, "high"],
]);

function named<T>(names: Map<T, string>, name: string, otherwise: T): T {
    return [...names].find(([, text]) => text === name)?.[0] ?? otherwise;
}

export function draftOf(task: Task): Draft {
    return {
        title: task.title,
        description: task.description,
        status: STATUS_NAMES.get(task.status) ?? "pending",
        priority: PRIORITY_NAMES.get(task.priority) ?? "normal",
        labels: task.labels,
        ...dueFields(task.dueTime),
    };
}

/** What of the task is changed. A field that a person left alone is not sent, so that it keeps what others make of it. */
export function changesOf(before: Draft, after: Draft): TaskChanges {
    const changes: TaskChanges = {};
    if (after.title !== before.title) changes.title = after.title;
    if (after.description !== before.description) changes.description = after.description;
    if (after.status !== before.status) changes.status = named(STATUS_NAMES, after.status, TaskStatus.PENDING);
    if (after.priority !== before.priority) changes.priority = named(PRIORITY_NAMES, after.priority, TaskPriority.NORMAL);
    if (after.day !== before.day || after.time !== before.time) changes.dueTime = momentOf(after) as TaskChanges["dueTime"];
    if (after.labels.join("\0") !== before.labels.join("\0")) changes.labels = [...after.labels];
    return changes;
}

const FIELD_TEXTS: Readonly<Record<keyof Draft, string>> = {
    title: "title",
    description: "description",
    status: "progress",
    priority: "priority",
    day: "due date",
    time: "due time",
    labels: "labels",
};

/** The fields that differ, as words. */
export function differences(one: Draft, other: Draft): string[] {
    const names = Object.keys(FIELD_TEXTS) as (keyof Draft)[];
    return names.filter((name) => String(one[name]) !== String(other[name])).map((name) => FIELD_TEXTS[name]);
}

/** The form after a conflict: what the person changed, and otherwise the newest version. */
export function rebased(before: Draft, after: Draft, newest: Draft): Draft {
    const names = Object.keys(FIELD_TEXTS) as (keyof Draft)[];
    const mine = names.filter((name) => String(before[name]) !== String(after[name]));
    return { ...newest, ...Object.fromEntries(mine.map((name) => [name, after[name]])) };
}
