// Usage: node in_node.mjs THREADS. The first line is the number of threads that there were.
import { load } from '../../dist/index.js';
import { digest } from './digest.mjs';

const threads = Number(process.argv[2] ?? 1);
let tt = await load({ variant: 'simd', threads });
// On a busy machine the workers may start too late, and load() goes on without them.
for (let tries = 0; tt.threads !== threads && tries < 3; ++tries) {
  tt.terminate();
  tt = await load({ variant: 'simd', threads });
}
console.log(tt.threads);
console.log((await digest(tt)).join('\n'));
tt.terminate();
