// The connection to the gateway that served this page.
import { useEffect, useState } from "preact/hooks";
import { createTandem } from "@tandem/sdk";
import type { SessionState } from "@tandem/sdk";

export const tandem = createTandem();

/** The session of this browser. The component is drawn again when it changes. */
export function useSession(): SessionState {
    const [state, setState] = useState(tandem.session.state);
    useEffect(() => {
        setState(tandem.session.state);
        return tandem.session.subscribe(setState);
    }, []);
    return state;
}

/** What this browser is called in the list of sessions. */
export function deviceLabel(agent: string = navigator.userAgent): string {
    const browsers: [RegExp, string][] = [
        [/Edg\//, "Edge"],
        [/OPR\//, "Opera"],
        [/Firefox\//, "Firefox"],
        [/Chrom(e|ium)\//, "Chrome"],
        [/Safari\//, "Safari"],
    ];
    const systems: [RegExp, string][] = [
        [/iPhone|iPad/, "iOS"],
        [/Android/, "Android"],
        [/Windows/, "Windows"],
        [/Mac OS X/, "macOS"],
        [/CrOS/, "ChromeOS"],
        [/Linux/, "Linux"],
    ];
    const name = (table: [RegExp, string][]) => table.find(([pattern]) => pattern.test(agent))?.[1];
    const browser = name(browsers) ?? "Browser";
    const system = name(systems);
    return system ? `${browser} on ${system}` : browser;
}
