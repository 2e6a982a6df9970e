// Helpers for tasks: what is done exactly once, and what to do when somebody else was quicker.
import { randomUuid } from "./environment.js";
import { TandemError } from "./errors.js";
import type { Task } from "./gen/tandem/task/v1/task_pb.js";
import type { CallSettings, NewTask, TaskChanges, TaskClient, Tandem } from "./types.js";

/** After so many lost races it is better to ask a person. */
const UPDATE_ATTEMPTS = 5;

type CreateSettings = CallSettings & { requestId?: string };
type UpdateSettings = NonNullable<Parameters<Tandem["updateTask"]>[2]>;

export async function createTask(tasks: TaskClient, task: NewTask, settings: CreateSettings = {}): Promise<Task> {
    const { requestId = randomUuid(), ...call } = settings;
    const answer = await tasks.createTask({ task, requestId }, call);
    return answer.task!;
}

/** `dueTime` is the path `due_time`. */
function maskOf(changes: TaskChanges): string[] {
    return Object.keys(changes).map((field) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

function defined(changes: TaskChanges): NewTask {
    return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

export async function updateTask(
    tasks: TaskClient,
    task: Pick<Task, "id" | "etag">,
    changes: TaskChanges,
    settings: UpdateSettings = {},
): Promise<Task> {
    const { onConflict, ...call } = settings;
    let { etag } = task;
    let wanted = changes;
    for (let attempt = 1; ; attempt += 1) {
        try {
            const request = { task: { ...defined(wanted), id: task.id, etag }, updateMask: { paths: maskOf(wanted) } };
            const answer = await tasks.updateTask({ ...request, requestId: randomUuid() }, call);
            return answer.task!;
        } catch (error) {
            const failure = TandemError.from(error);
            if (!failure.is("ETAG_MISMATCH") || onConflict === undefined || attempt === UPDATE_ATTEMPTS) throw failure;
            const newest = (await tasks.getTask({ id: task.id }, call)).task!;
            const again = await onConflict(newest);
            if (again === undefined) throw failure;
            wanted = again;
            etag = newest.etag;
        }
    }
}
