// Due times, between the contract (a moment) and a form (a day, and a time if one was chosen).
import type { Task } from "@tandem/sdk";

type Moment = NonNullable<Task["dueTime"]>;

export interface DueFields {
    /** `2026-01-31`, or empty. */
    readonly day: string;
    /** `09:30`; empty means the whole day. */
    readonly time: string;
}

/** A task that is due on a day, at no particular time, is due in its last minute. */
const END_OF_DAY = "23:59";

export function dateOf(moment: Moment): Date {
    return new Date(Number(moment.seconds) * 1000 + moment.nanos / 1e6);
}

const two = (number: number) => String(number).padStart(2, "0");

export function dueFields(moment: Moment | undefined): DueFields {
    if (!moment) return { day: "", time: "" };
    const date = dateOf(moment);
    const day = `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
    return { day, time: time === END_OF_DAY ? "" : time };
}

/** The moment that the fields mean, `undefined` for none. */
export function momentOf({ day, time }: DueFields): { seconds: bigint; nanos: number } | undefined {
    const parts = /^(\d{4,})-(\d\d)-(\d\d)$/.exec(day);
    const clock = /^(\d\d):(\d\d)/.exec(time || END_OF_DAY);
    if (!parts || !clock) return undefined;
    const [year, month, date, hour, minute] = [parts[1], parts[2], parts[3], clock[1], clock[2]].map(Number) as [number, number, number, number, number];
    const moment = new Date(2000, month - 1, date, hour, minute);
    moment.setFullYear(year, month - 1, date);
    return { seconds: BigInt(Math.floor(moment.getTime() / 1000)), nanos: 0 };
}

/** `today`, `tomorrow, 09:30`, `31 Jan`, `31 Jan 2027`. */
export function dueText(moment: Moment, now: Date): string {
    const date = dateOf(moment);
    const { time } = dueFields(moment);
    return time ? `${dayText(date, now)}, ${clockText(date)}` : dayText(date, now);
}

function dayText(date: Date, now: Date): string {
    const days = dayNumber(date) - dayNumber(now);
    if (days >= -1 && days <= 1) return ["yesterday", "today", "tomorrow"][days + 1] ?? "";
    const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" as const };
    return date.toLocaleDateString(undefined, { day: "numeric", month: "short", ...year });
}

function dayNumber(date: Date): number {
    return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

function clockText(date: Date): string {
    return date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
}

/** A moment for lists of sessions and keys: `today, 14:05`, `3 Nov, 09:12`. */
export function momentText(moment: Moment | undefined, now = new Date()): string {
    if (!moment) return "never";
    const date = dateOf(moment);
    return `${dayText(date, now)}, ${clockText(date)}`;
}

/** A day alone. */
export function dateText(moment: Moment | undefined): string {
    return moment ? dateOf(moment).toLocaleDateString(undefined, { day: "numeric", month: "long", year: "numeric" }) : "never";
}
