// The object that loadInWorker() gives.

import { DisposedError, InvalidArgumentError } from '../errors.js';
import { connect, mark } from './client.js';
import { LIBRARY, member } from './objects.js';
import type { RemoteLoadOptions, RemoteTinyTorch } from './types.js';

/** What runs a block of the caller's in the middle of a call, which another thread cannot do. */
const LOCAL = ['tidy', 'noGrad', 'profile'] as const;

export async function remoteLibrary(options?: RemoteLoadOptions): Promise<RemoteTinyTorch> {
  const { connection, info } = await connect(options);
  const own: Record<string, unknown> = {
    ...info,
    terminate(): void {
      connection.end(new DisposedError('the worker was ended by terminate()'));
      own['threads'] = 0;
    },
    async setThreads(count: number): Promise<void> {
      await connection.call(LIBRARY, ['setThreads'], [count]);
      own['threads'] = await connection.get(LIBRARY, ['threads']);
    },
    set: (object: object, name: string, value: unknown) => connection.set(object, name, value),
    transfer: mark,
  };
  for (const name of LOCAL)
    own[name] = () =>
      Promise.reject(
        new InvalidArgumentError(
          `${name}: not with loadInWorker(), because its block runs on another thread; load() has it`,
        ),
      );
  return new Proxy(own, {
    get(_, key) {
      if (typeof key !== 'string' || key === 'then') return undefined;
      return Object.hasOwn(own, key) ? own[key] : member(connection, LIBRARY, [key], own);
    },
    set(): never {
      throw new InvalidArgumentError('the library cannot be changed');
    },
  }) as unknown as RemoteTinyTorch;
}
