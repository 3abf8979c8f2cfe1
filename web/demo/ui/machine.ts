// What the browser tells about the machine, for the page's head and for the copied results.
import type { EngineInfo } from '../engine/protocol';

interface UserAgentData {
  brands: { brand: string; version: string }[];
  platform: string;
  getHighEntropyValues?(
    hints: string[],
  ): Promise<{ architecture?: string; bitness?: string; platformVersion?: string }>;
}

const agentData = (navigator as Navigator & { userAgentData?: UserAgentData }).userAgentData;

/** Name and main version, for display only: nothing on the page decides by it. */
export function browserName(): string {
  const brand =
    agentData?.brands.find(({ brand: name }) => !/not.a.brand|^Chromium$/i.test(name)) ??
    agentData?.brands.find(({ brand: name }) => name === 'Chromium');
  if (brand) return `${brand.brand} ${brand.version}`;
  const text = navigator.userAgent;
  const found =
    /(Firefox|Edg|HeadlessChrome|Chrome)\/(\d+)/.exec(text) ??
    (/Safari\//.test(text) ? /(Version)\/(\d+)/.exec(text) : null);
  if (!found) return 'an unnamed browser';
  return `${found[1] === 'Version' ? 'Safari' : found[1] === 'Edg' ? 'Edge' : found[1]} ${found[2]}`;
}

async function platformName(): Promise<string> {
  if (!agentData) return navigator.platform || 'not told';
  const more = await agentData.getHighEntropyValues?.(['architecture', 'bitness']).catch(() => undefined);
  const processor = more?.architecture
    ? ` on ${more.architecture}${more.bitness ? `, ${more.bitness} bit` : ''}`
    : '';
  return (agentData.platform || 'unnamed') + processor;
}

export async function machineFacts(): Promise<[string, string][]> {
  const memory = (navigator as Navigator & { deviceMemory?: number }).deviceMemory;
  return [
    ['Browser', browserName()],
    ['System', await platformName()],
    ['Logical cores', String(navigator.hardwareConcurrency ?? 'not told')],
    ['Memory', memory ? `${memory === 8 ? 'at least ' : ''}${memory} GB` : 'not told'],
    ['Cross-origin isolated', crossOriginIsolated ? 'yes' : 'no'],
  ];
}

/** The line below every copied table. */
export function sourceLine(info: EngineInfo | undefined): string {
  const build = info
    ? `${info.variant} build, ${info.threads} thread${info.threads === 1 ? '' : 's'}`
    : 'no build';
  return `tinytorch-wasm, ${build}, ${browserName()}, ${navigator.hardwareConcurrency} logical cores, ${new Date().toISOString().slice(0, 10)}`;
}
