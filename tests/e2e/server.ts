// The built page on a free port, with and without the headers that isolate it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve as serveFolder } from '../../scripts/serve.mjs';
import { CONTENT_SECURITY_POLICY } from '../../web/demo/vite.config';

export const PAGE = fileURLToPath(new URL('../../build/page', import.meta.url));

export type Served = Awaited<ReturnType<typeof serve>>;

/**
 * Serves build/page. The policy of the page's meta tag is sent as a header too: a worker takes its policy from its own
 * response, so only this puts the library itself under it.
 */
export function serve({ isolated }: { isolated: boolean }) {
  if (!existsSync(join(PAGE, 'index.html')))
    throw new Error('build/page is missing: run npm run build:page first');
  return serveFolder(PAGE, {
    isolated,
    headers: { 'Content-Security-Policy': CONTENT_SECURITY_POLICY },
  });
}
