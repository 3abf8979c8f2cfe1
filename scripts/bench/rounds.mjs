// The comparison itself: every contestant of a case is opened and warmed up, then short windows are taken in
// turn, A B C A B C ..., so that the drift of a shared machine falls on all alike. Ratios are formed inside a
// round and their median is reported.
import { median, summary } from './statistics.mjs';

const settleMs = 200;
/** Before each window: threads of the neighbour before, OpenBLAS's for one, spin for some 30 ms after their last job. */
const restMs = 80;
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * entries: [{ key, make() }]. Returns key -> { info, samples, rounds: [ms per call or null], peaks } with an
 * `error` instead where a contestant failed; it is reported and the others go on.
 */
export async function compare(entries, { pages, rounds, windowMs, log }) {
  const results = new Map(
    entries.map(({ key }) => [key, { info: null, samples: [], rounds: [], peaks: [], errors: [] }]),
  );
  for (let page = 0; page < pages; ++page) await onePage(entries, results, { rounds, windowMs, log });
  return results;
}

async function onePage(entries, results, { rounds, windowMs, log }) {
  const open = [];
  try {
    for (const { key, make } of entries) {
      const contestant = make();
      open.push({ key, contestant, failed: false });
      try {
        results.get(key).info = await contestant.open();
      } catch (error) {
        fail(open.at(-1), results, error, log);
      }
    }
    await rest(settleMs);
    for (let round = 0; round < rounds; ++round) {
      // The order turns, so that nobody always follows the same neighbour.
      for (let i = 0; i < open.length; ++i)
        await oneWindow(open[(i + round) % open.length], results, windowMs, log);
    }
  } finally {
    await Promise.all(open.map(({ contestant }) => Promise.resolve(contestant.close()).catch(() => {})));
  }
}

async function oneWindow(entry, results, windowMs, log) {
  const result = results.get(entry.key);
  if (entry.failed) {
    result.rounds.push(null);
    return;
  }
  try {
    await rest(restMs);
    const { samples } = await entry.contestant.window(windowMs);
    result.rounds.push(median(samples));
    result.samples.push(...samples);
    const peak = await entry.contestant.peak();
    if (peak !== null) result.peaks.push(peak);
  } catch (error) {
    fail(entry, results, error, log);
    result.rounds.push(null);
  }
}

function fail(entry, results, error, log) {
  entry.failed = true;
  const message = error.message.split('\n')[0];
  results.get(entry.key).errors.push(message);
  log(`  ${entry.key}: ${message}`);
}

/** How many times as long `other` takes as `ours`: the median of the rounds' ratios, with their spread. */
export function ratio(other, ours) {
  const ratios = other.rounds
    .map((ms, i) => ms / ours.rounds[i])
    .filter((r, i) => other.rounds[i] !== null && ours.rounds[i] !== null);
  return ratios.length > 0 ? summary(ratios) : null;
}
