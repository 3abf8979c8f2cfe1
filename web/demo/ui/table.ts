// A table that scrolls sideways by itself on a narrow screen, by keyboard too.
import { h } from './dom';

export interface Column {
  title: string;
  /** Figures are set right, words left. */
  numeric?: boolean;
  hint?: string;
}

export function tableShell(
  caption: string,
  columns: Column[],
): { element: HTMLElement; table: HTMLTableElement } {
  const table = h(
    'table',
    {},
    h('caption', { class: 'visually-hidden' }, caption),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        ...columns.map(({ title, numeric, hint }) =>
          h('th', { scope: 'col', class: numeric ? 'num' : '', title: hint ?? '' }, title),
        ),
      ),
    ),
  );
  return {
    element: h('div', { class: 'table-scroll', tabIndex: 0, role: 'region', ariaLabel: caption }, table),
    table,
  };
}

export function verifiedMark(verified: boolean, detail: string): HTMLElement {
  return h(
    'span',
    {
      class: verified ? 'mark mark-good' : 'mark mark-bad',
      title: detail,
      data: { verified: String(verified) },
    },
    verified ? '✓ verified' : '✗ not verified',
  );
}
