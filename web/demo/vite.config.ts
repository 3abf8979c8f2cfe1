// Builds the page into build/page. The package is taken from dist/, as a user's bundler would take it.
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Nothing but the page's own files, and no code made at run time except WebAssembly. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Only in the built page: while developing, Vite itself injects styles and scripts. */
function contentSecurityPolicy(): Plugin {
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: CONTENT_SECURITY_POLICY },
        injectTo: 'head-prepend',
      },
    ],
  };
}

/** With them the browser gives threads and a finer clock; without them the page works too. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative addresses: the page may be served from any folder.
  base: './',
  publicDir: fromRoot('build/page-assets'),
  resolve: { alias: { 'tinytorch-wasm': fromRoot('dist/index.js') } },
  plugins: [contentSecurityPolicy()],
  build: {
    outDir: fromRoot('build/page'),
    emptyOutDir: true,
    // No data: addresses, which the policy above refuses.
    assetsInlineLimit: 0,
  },
  worker: { format: 'es' },
  server: { headers: isolation, fs: { allow: [fromRoot('.')] } },
  preview: { headers: isolation },
});
