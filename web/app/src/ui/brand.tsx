// The name and the sign of Tandem.

export function Brand() {
    return (
        <p class="brand">
            <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
                <rect width="32" height="32" rx="8" class="brand-back" />
                <path d="M7 17l4.5 4.5L20 12" class="brand-first" />
                <path d="M17.5 21.5L26 12" class="brand-second" />
            </svg>
            Tandem
        </p>
    );
}
