/** The address of the tasks. All other pages are below it. */
export const HOME = "/app/";
