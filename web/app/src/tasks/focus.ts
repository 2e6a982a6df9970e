// Where the focus goes when what had it goes away: never to the top of the page.

/** Moves the focus to the same control of the next item, else of the one before, else to the heading of the list. */
export function focusAfter(item: Element | null, control: string): void {
    const items = item?.parentElement ? [...item.parentElement.children] : [];
    const at = item ? items.indexOf(item) : -1;
    const others = [...items.slice(at + 1), ...items.slice(0, Math.max(0, at)).reverse()];
    const next = others.map((other) => other.querySelector<HTMLElement>(control)).find(Boolean);
    (next ?? document.querySelector<HTMLElement>("h1"))?.focus();
}

/** The arrow keys go from task to task on the checkboxes; Home and End to the first and the last. */
export function moveByArrows(event: KeyboardEvent): void {
    const from = event.target;
    if (!(from instanceof HTMLInputElement) || from.type !== "checkbox" || !(event.currentTarget instanceof Element)) return;
    const boxes = [...event.currentTarget.querySelectorAll<HTMLInputElement>("input[type=checkbox]")];
    const at = boxes.indexOf(from);
    const targets: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: boxes.length - 1 };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    boxes[target]?.focus();
}
