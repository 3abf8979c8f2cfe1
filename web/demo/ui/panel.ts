// What every section with a Run button shares: run, progress, cancel, outcome, error, copy.
import { asError, type Engine } from '../engine/engine';
import type { Progress } from '../engine/protocol';
import { alertPanel } from './alert';
import { copyButtons, type ResultTable } from './copy';
import { h, replace } from './dom';
import { duration, timeLeft } from './format';

/** Shorter waits need no bar: it would only flicker. */
const SHOW_AFTER_MS = 250;

export interface PanelOptions {
  engine: Engine;
  runLabel: string;
  /** Fields that stand before the Run button. */
  controls?: HTMLElement[];
  /** More buttons that start the same kind of run, such as "Run all". */
  extraRuns?: { label: string; run: Job }[];
  run: Job;
  /** Where the results go; emptied into the empty state on reset. */
  results: HTMLElement;
  emptyText: string;
  /** In place of Cancel: a button that ends the run in an orderly way and keeps its result. */
  stop?: { label: string; onStop: () => void; others: HTMLElement[] };
  /** The results for copying, or nothing when there are none yet. */
  table: () => ResultTable | undefined;
}

/** Does the work and fills the results; returns the sentence that announces the outcome to screen readers. */
export type Job = (signal: AbortSignal, onProgress: (progress: Progress) => void) => Promise<string>;

export interface Panel {
  element: HTMLElement;
  /** Back to the empty state: the numbers on show belong to a build that is no longer loaded. */
  reset(): void;
}

export function createPanel(options: PanelOptions): Panel {
  const { engine, results } = options;
  const bar = h('progress', { max: 1, value: 0, ariaLabel: 'Progress' });
  const label = h('span', { class: 'progress-label' });
  const cancel = h('button', { type: 'button' }, options.stop?.label ?? 'Cancel');
  const progress = h(
    'div',
    { class: 'progress', hidden: true },
    h(
      'div',
      { class: 'progress-text' },
      label,
      h('div', { class: 'run-buttons' }, ...(options.stop?.others ?? []), cancel),
    ),
    bar,
  );
  const status = h('p', { class: 'status', role: 'status' });
  const problem = h('div', {});
  const copyRow = copyButtons(
    () => options.table() ?? { title: '', source: '', columns: [], rows: [] },
    (text) => (status.textContent = text),
  );
  const empty = h('p', { class: 'empty' }, options.emptyText);
  const runs = [{ label: options.runLabel, run: options.run }, ...(options.extraRuns ?? [])].map(
    ({ label: text, run }, i) => {
      const button = h('button', { type: 'submit', class: i === 0 ? 'primary' : '' }, text);
      button.addEventListener('click', (event) => {
        event.preventDefault();
        void start(run);
      });
      return button;
    },
  );
  const form = h(
    'form',
    { class: 'controls' },
    ...(options.controls ?? []),
    h('div', { class: 'run-buttons' }, ...runs),
  );
  let controller: AbortController | undefined;

  cancel.addEventListener('click', () => (options.stop ? options.stop.onStop() : controller?.abort()));

  function refresh(): void {
    const blocked = engine.busy || engine.state !== 'ready';
    for (const button of runs) button.disabled = blocked;
    const hasResults = options.table() !== undefined;
    copyRow.hidden = !hasResults || controller !== undefined;
    empty.hidden = hasResults || controller !== undefined;
    results.hidden = !hasResults;
  }

  async function start(job: Job): Promise<void> {
    if (engine.busy) return;
    controller = new AbortController();
    const { signal } = controller;
    replace(problem);
    status.textContent = '';
    bar.value = 0;
    label.textContent = 'Starting';
    const focusCancel = form.contains(document.activeElement);
    const show = setTimeout(() => {
      progress.hidden = false;
      if (focusCancel) cancel.focus(); // the button that had the focus is disabled now
    }, SHOW_AFTER_MS);
    try {
      const begin = performance.now();
      const outcome = await job(signal, ({ fraction, label: text, remainingMs }) => {
        bar.value = fraction;
        label.textContent = remainingMs && remainingMs > 1000 ? `${text}, ${timeLeft(remainingMs)}` : text;
        refresh();
      });
      replace(
        status,
        `Done in ${duration(performance.now() - begin)}. `,
        h('span', { class: 'visually-hidden' }, outcome),
      );
    } catch (error) {
      if (error instanceof Error && error.name === 'Cancelled')
        status.textContent = 'Cancelled. What was measured until then stays.';
      else
        replace(
          problem,
          alertPanel(asError(error), () => void start(job)),
        );
    } finally {
      clearTimeout(show);
      controller = undefined;
      const hadFocus = progress.contains(document.activeElement);
      progress.hidden = true;
      refresh();
      if (hadFocus) runs[0]?.focus();
    }
  }

  engine.addEventListener('change', refresh);
  refresh();
  return {
    element: h('div', { class: 'panel' }, form, progress, status, problem, empty, results, copyRow),
    reset() {
      replace(problem);
      status.textContent = '';
      refresh();
    },
  };
}
