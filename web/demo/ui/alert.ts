// Errors in plain words, with the full text below for whoever wants to report it.
import { h } from './dom';

/** By the name of the error's class: what it means for the visitor. */
const PLAIN: Record<string, string> = {
  LoadError: 'The WebAssembly module could not be loaded.',
  OutOfMemoryError: 'The memory of this tab is used up. A smaller size may still fit.',
  KernelError: 'This build does not have that kernel.',
  ShapeError: 'The data does not have the expected shape.',
  FormatError: 'That file is not in the expected format.',
};

export function alertPanel(error: Error, retry?: () => void): HTMLElement {
  const panel = h(
    'div',
    { class: 'alert', role: 'alert' },
    h('p', { class: 'alert-title' }, PLAIN[error.name] ?? 'That did not work.'),
    h('pre', { tabIndex: 0, ariaLabel: 'Full text of the error' }, `${error.name}: ${error.message}`),
  );
  if (retry) {
    const button = h('button', { type: 'button' }, 'Try again');
    button.addEventListener('click', retry);
    panel.append(button);
  }
  return panel;
}
