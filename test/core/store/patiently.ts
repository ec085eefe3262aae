/** How `expect.poll` waits for a fact: often, and long enough for a machine under load. */
export const patiently = { timeout: 60_000, interval: 10 } as const;
