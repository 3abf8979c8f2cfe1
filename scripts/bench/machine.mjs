// What is told with every figure: processor, system, versions.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';

function output(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
}

function systemName() {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))[1];
  } catch {
    return process.platform;
  }
}

/** Vector extensions that matter for a matrix product. */
function features() {
  try {
    const flags = /^flags\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))[1].split(' ');
    return ['sse4_2', 'avx2', 'fma', 'avx512f'].filter((name) => flags.includes(name));
  } catch {
    return [];
  }
}

/** `Emscripten 3.1.69`, or nothing where it is not installed. */
function emscripten() {
  const version = /\d+\.\d+\.\d+/.exec(output('emcc', ['--version']).split('\n')[0]);
  return version ? `Emscripten ${version[0]}` : '';
}

export function describeMachine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0].model.trim(),
    processors: cpus().length,
    features: features(),
    memoryGB: Math.round(totalmem() / 2 ** 30),
    system: `${systemName()}, kernel ${release()}`,
    node: process.version,
    compiler: emscripten(),
    commit: output('git', ['describe', '--always', '--dirty']),
  };
}
