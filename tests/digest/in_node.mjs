// Usage: node in_node.mjs THREADS
import { load } from '../../dist/index.js';
import { digest } from './digest.mjs';

const threads = Number(process.argv[2] ?? 1);
const tt = await load({ variant: 'simd', threads });
if (tt.threads !== threads) throw new Error(`${tt.threads} thread(s): ${tt.threadsReason}`);
console.log((await digest(tt)).join('\n'));
tt.terminate();
