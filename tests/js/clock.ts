// A clock that moves by known steps, for what measures: a figure on a real clock depends on what else the machine does.

/**
 * Runs the block while `performance.now()` goes on by `step` milliseconds at each reading, and by what `advance` is given.
 * The library reads it for profiles, speeds and the choice of tiles, in whole nanoseconds: where figures are compared,
 * take a step that is exact in both, a multiple of 1/64.
 */
export async function withClock<Result>(
  step: number,
  block: (advance: (ms: number) => void) => Result | Promise<Result>,
): Promise<Result> {
  const own = Object.getOwnPropertyDescriptor(performance, 'now');
  let now = Math.ceil(performance.now());
  Object.defineProperty(performance, 'now', {
    configurable: true,
    writable: true,
    value: () => (now += step),
  });
  try {
    return await block((ms) => void (now += ms));
  } finally {
    if (own) Object.defineProperty(performance, 'now', own);
    else delete (performance as { now?: unknown }).now;
  }
}
