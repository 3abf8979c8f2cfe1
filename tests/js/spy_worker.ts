// Which workers a module starts, and other scripts in the place of theirs.

interface StartedWorker {
  terminate(): unknown;
}
/** A worker that was started, and whether somebody has terminated it. */
export type Started = StartedWorker & { isEnded: boolean };

type WorkerClass = new (script: URL, options: object) => StartedWorker;
interface Scope {
  Worker: WorkerClass;
}

/** Runs `block` while every new worker goes through `change`; what it gives is the script, or it throws. */
export async function withWorkers<Result>(
  change: (script: URL) => URL,
  block: (started: Started[]) => Promise<Result>,
): Promise<Result> {
  const scope = globalThis as unknown as Scope;
  const before = Object.getOwnPropertyDescriptor(scope, 'Worker');
  let original = scope.Worker as WorkerClass | undefined;
  const started: Started[] = [];
  const spy = function (script: URL, options: object) {
    const worker = new (original as WorkerClass)(change(script), options) as Started;
    const terminate = worker.terminate.bind(worker);
    worker.isEnded = false;
    worker.terminate = () => {
      worker.isEnded = true;
      return terminate();
    };
    started.push(worker);
    return worker;
  };
  // The glue of a module sets it in Node.
  Object.defineProperty(scope, 'Worker', {
    configurable: true,
    get: () => spy,
    set: (value: WorkerClass) => (original = value),
  });
  try {
    return await block(started);
  } finally {
    if (before) Object.defineProperty(scope, 'Worker', before);
    else Reflect.deleteProperty(scope, 'Worker');
  }
}
