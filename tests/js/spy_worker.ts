// Which workers a module starts, and other scripts in the place of theirs.

interface StartedWorker {
  terminate(): unknown;
}
/** A worker that was started, and whether somebody has terminated it. */
export type Started = StartedWorker & { isEnded: boolean };

type WorkerClass = new (script: URL, options: object) => StartedWorker;
interface Scope {
  /** Node has none. */
  Worker?: WorkerClass;
}

/** Runs `block` while every new worker goes through `change`; what it gives is the script, or it throws. */
export async function withWorkers<Result>(
  change: (script: URL) => URL,
  block: (started: Started[]) => Promise<Result>,
): Promise<Result> {
  const scope = globalThis as unknown as Scope;
  const before = Object.getOwnPropertyDescriptor(scope, 'Worker');
  const original = scope.Worker ?? (process.getBuiltinModule('node:worker_threads').Worker as WorkerClass);
  const started: Started[] = [];
  const spy = function (script: URL, options: object) {
    const worker = new original(change(script), options) as Started;
    const terminate = worker.terminate.bind(worker);
    worker.isEnded = false;
    worker.terminate = () => {
      worker.isEnded = true;
      return terminate();
    };
    started.push(worker);
    return worker;
  };
  Object.defineProperty(scope, 'Worker', { configurable: true, value: spy });
  try {
    return await block(started);
  } finally {
    if (before) Object.defineProperty(scope, 'Worker', before);
    else Reflect.deleteProperty(scope, 'Worker');
  }
}
