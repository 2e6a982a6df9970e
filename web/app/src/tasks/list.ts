// Lists of tasks with the pages that were loaded, kept so that Back finds them again.
import type { Task } from "@tandem/sdk";
import { tandem } from "../client.js";
import { filterOf, orderOf } from "./filter.js";
import type { Selection } from "./filter.js";

const PAGE_SIZE = 50;
/** Deleted tasks are found among all tasks, so several pages may hold few of them. */
const PAGES_AT_ONCE = 10;
const KEPT_LISTS = 8;

/** A task in a list, or the place of one that was deleted or restored a moment ago. */
export interface Row {
    readonly task: Task;
    readonly gone?: "deleted" | "restored" | undefined;
}

export interface ListState {
    readonly rows: readonly Row[];
    readonly phase: "loading" | "ready" | "failed";
    readonly error?: unknown;
    readonly more: boolean;
}

/** The tasks of one selection. */
export class TaskList {
    readonly selection: Selection;
    #state: ListState = { rows: [], phase: "loading", more: false };
    #filter: string;
    #token = "";
    #stop = new AbortController();
    readonly #listeners = new Set<() => void>();

    constructor(selection: Selection) {
        this.selection = selection;
        this.#filter = filterOf(selection, new Date());
    }

    get state(): ListState {
        return this.#state;
    }

    subscribe(listener: () => void): () => void {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
    }

    /** Loads from the beginning. What is shown stays until the answer is there. */
    async reload(): Promise<void> {
        this.#filter = filterOf(this.selection, new Date());
        this.#token = "";
        await this.#load([]);
    }

    /** Loads the next page. Returns how many tasks came. */
    async more(): Promise<number> {
        const before = this.#state.rows;
        await this.#load(before);
        return this.#state.rows.length - before.length;
    }

    /** Puts a new task at the top. */
    add(task: Task): void {
        this.#set({ ...this.#state, rows: [{ task }, ...this.#state.rows] });
    }

    /** Shows a newer version of a task where it is. */
    put(task: Task, gone?: Row["gone"]): void {
        if (!this.#state.rows.some((row) => row.task.id === task.id)) return;
        this.#set({ ...this.#state, rows: this.#state.rows.map((row) => (row.task.id === task.id ? { task, gone } : row)) });
    }

    async #load(before: readonly Row[]): Promise<void> {
        this.#stop.abort();
        const stop = (this.#stop = new AbortController());
        this.#set({ rows: this.#state.rows, phase: "loading", more: this.#state.more });
        try {
            let rows = before;
            let loads = 0;
            do {
                const page = await tandem.tasks.listTasks(this.#request(), { signal: stop.signal });
                if (stop.signal.aborted) return;
                this.#token = page.nextPageToken;
                rows = appended(rows, page.tasks.filter((task) => this.#shows(task)));
                loads += 1;
            } while (this.#token && rows.length < before.length + PAGE_SIZE / 2 && loads < PAGES_AT_ONCE);
            this.#set({ rows, phase: "ready", more: this.#token !== "" });
        } catch (error) {
            if (!stop.signal.aborted) this.#set({ ...this.#state, phase: "failed", error });
        }
    }

    #request() {
        return {
            pageSize: this.selection.view === "deleted" ? 200 : PAGE_SIZE,
            pageToken: this.#token,
            filter: this.#filter,
            orderBy: orderOf(this.selection),
            showDeleted: this.selection.view === "deleted",
        };
    }

    #shows(task: Task): boolean {
        return this.selection.view !== "deleted" || task.deleteTime !== undefined;
    }

    #set(state: ListState): void {
        this.#state = state;
        for (const listener of [...this.#listeners]) listener();
    }
}

/** A task that changed while pages were loaded may come twice: the newer one counts, where it stood first. */
function appended(rows: readonly Row[], tasks: readonly Task[]): Row[] {
    const byId = new Map(rows.map((row) => [row.task.id, row]));
    for (const task of tasks) {
        const known = byId.get(task.id);
        byId.set(task.id, known?.gone ? known : { task });
    }
    return [...byId.values()];
}

let lists = new Map<string, TaskList>();

/** The list of a selection. A new one begins to load. */
export function listOf(key: string, selection: Selection): TaskList {
    const known = lists.get(key);
    const list = known ?? new TaskList(selection);
    lists.delete(key);
    lists.set(key, list);
    const oldest = lists.keys().next().value;
    if (lists.size > KEPT_LISTS && oldest !== undefined) lists.delete(oldest);
    if (!known) void list.reload();
    return list;
}

/** Another account may be next: it must not see these. */
export function forgetLists(): void {
    lists = new Map();
}

/** Shows a change in `list`; the other lists are loaded anew when they are needed. */
export function keepOnly(list: TaskList): void {
    lists = new Map([...lists].filter(([, other]) => other === list));
}
