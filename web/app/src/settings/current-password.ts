// The field for the current password, which several forms have.
import { TandemError } from "@tandem/sdk";
import { violationOf } from "../texts.js";

/** What is wrong with the current password. */
export function passwordError(error: unknown): string | undefined {
    if (error === undefined) return undefined;
    if (TandemError.from(error).is("CREDENTIALS_INVALID")) return "This is not your current password.";
    return violationOf(error, "current_password");
}
