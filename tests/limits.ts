// How long a runner waits before it calls a test hung. Only hangs end here: no test asserts a time, and a machine that is
// busy with other work may be ten times slower than an idle one.
export const LIMITS = { testTimeout: 600_000, hookTimeout: 600_000, teardownTimeout: 60_000 };

/** The same for one wait inside a page. */
export const PAGE_LIMIT = 300_000;
