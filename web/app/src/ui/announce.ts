// What a screen reader reads without a change of focus. The region is in the page from the start.

let pending: ReturnType<typeof setTimeout> | undefined;

/** Takes back what was said last, so that the next account does not find it. */
export function silence(): void {
    clearTimeout(pending);
    const region = document.getElementById("status");
    if (region) region.textContent = "";
}

/** Says a text, also if it is the same as before. Call it after focus has moved: a move cuts it off. */
export function announce(text: string): void {
    const region = document.getElementById("status");
    if (!region) return;
    silence();
    pending = setTimeout(() => {
        region.textContent = text;
    }, 100);
}
