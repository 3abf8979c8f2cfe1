// What several sections say about rungs in the same words.
import type { EngineInfo, Rung } from '../engine/protocol';
import { h } from '../ui/dom';

/** Why a rung is greyed out. */
export function whyUnavailable(rung: Rung, info: EngineInfo): string {
  if (rung.name === 'threaded') return info.threadsReason;
  return `not in the ${info.variant} build`;
}

export function rungCell(rung: Rung): HTMLElement {
  return h(
    'th',
    { scope: 'row', title: rung.summary },
    h('code', {}, rung.name),
    h('span', { class: 'rung-title' }, rung.title),
  );
}

/** One colour a rung, by its place on the ladder. */
export function rungColour(index: number): string {
  return `--rung-${Math.min(index, 7)}`;
}
