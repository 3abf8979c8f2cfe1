// One small interface over three ways to drive a browser: open(url) gives a page in a process of its own,
// page.call(source, argument) evaluates a function in it and returns its (JSON) result.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { peersDir } from './site.mjs';

const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

async function chromium() {
  const { chromium: driver } = await import('playwright-core');
  const browser = await driver.launch({ executablePath: process.env.CHROMIUM_PATH, args: chromiumFlags });
  return {
    name: 'chromium',
    version: browser.version(),
    async open(url) {
      // A context of its own means a process of its own, with a fresh V8.
      const context = await browser.newContext();
      const page = await context.newPage();
      const messages = [];
      page.on('console', (m) => m.type() === 'error' && messages.push(m.text()));
      page.on('pageerror', (error) => messages.push(error.message));
      await page.goto(url);
      await page.waitForFunction('globalThis.bench !== undefined');
      return {
        messages,
        call: (name, argument) => page.evaluate(([n, a]) => globalThis.bench[n](a), [name, argument]),
        close: () => context.close(),
      };
    },
    close: () => browser.close(),
  };
}

async function firefox() {
  const path = join(
    peersDir,
    'node_modules',
    'puppeteer-core',
    'lib',
    'esm',
    'puppeteer',
    'puppeteer-core.js',
  );
  const { default: puppeteer } = await import(pathToFileURL(path).href);
  const browser = await puppeteer.launch({
    browser: 'firefox',
    protocol: 'webDriverBiDi',
    headless: true,
    executablePath: process.env.FIREFOX_PATH ?? '/usr/bin/firefox-esr',
    protocolTimeout: 600_000,
  });
  return {
    name: 'firefox',
    version: (await browser.version()).replace('firefox/', ''),
    async open(url) {
      const context = await browser.createBrowserContext();
      const page = await context.newPage();
      await page.goto(url);
      await page.waitForFunction('globalThis.bench !== undefined');
      return {
        messages: [],
        call: (name, argument) => page.evaluate((n, a) => globalThis.bench[n](a), name, argument),
        close: () => context.close(),
      };
    },
    close: () => browser.close(),
  };
}

const miniBrowsers = [
  '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
  '/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
];

async function webkit() {
  const display = `:${89 + (process.pid % 100)}`;
  const port = 20000 + (process.pid % 20000);
  const server = spawn('Xvfb', [display, '-screen', '0', '800x600x24'], { stdio: 'ignore' });
  const driver = spawn('WebKitWebDriver', [`--port=${port}`], {
    stdio: 'ignore',
    // Without the second, crossOriginIsolated is true while SharedArrayBuffer is not there.
    env: { ...process.env, DISPLAY: display, JSC_useSharedArrayBuffer: '1' },
  });
  const request = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      body: body && JSON.stringify(body),
    });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  };
  await waitFor(() => request('GET', '/status'));
  const newSession = () =>
    request('POST', '/session', {
      capabilities: {
        alwaysMatch: {
          browserName: 'MiniBrowser',
          'webkitgtk:browserOptions': { binary: miniBrowsers.find(existsSync), args: ['--automation'] },
          timeouts: { script: 600_000 },
        },
      },
    });
  let version = '';
  return {
    name: 'webkit',
    get version() {
      return version;
    },
    async open(url) {
      const { sessionId, capabilities } = await newSession();
      version = `WebKitGTK ${capabilities.browserVersion}`;
      const script =
        'const [n, a, done] = arguments; Promise.resolve().then(() => bench[n](a)).then(value => done({ value }), error => done({ error: String(error) }));';
      const call = async (name, argument = null) => {
        const answer = await request('POST', `/session/${sessionId}/execute/async`, {
          script,
          args: [name, argument],
        });
        if (answer.error) throw new Error(answer.error);
        return answer.value;
      };
      await request('POST', `/session/${sessionId}/url`, { url });
      await waitFor(() => call('environment'));
      return { messages: [], call, close: () => request('DELETE', `/session/${sessionId}`) };
    },
    async close() {
      driver.kill();
      server.kill();
    },
  };
}

async function waitFor(attempt, tries = 100) {
  for (; ; --tries) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const installed = {
  chromium: () => existsSync(process.env.CHROMIUM_PATH ?? ''),
  firefox: () => existsSync(process.env.FIREFOX_PATH ?? '/usr/bin/firefox-esr'),
  webkit: () =>
    existsSync('/usr/bin/WebKitWebDriver') && existsSync('/usr/bin/Xvfb') && miniBrowsers.some(existsSync),
};
const launchers = { chromium, firefox, webkit };

/** Starts a browser by name, or returns null where it is not installed. */
export async function launch(name) {
  if (!(name in launchers)) throw new Error(`unknown browser '${name}': chromium, firefox or webkit`);
  return installed[name]() ? launchers[name]() : null;
}
