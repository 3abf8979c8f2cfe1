// Ten bars, one a digit, for what the network thinks of an image.
import { h } from '../ui/dom';
import { percent } from '../ui/format';

export interface ProbabilityBars {
  element: HTMLElement;
  /** Nothing: back to empty bars. */
  show(probabilities: ArrayLike<number> | undefined): void;
}

export function mostLikely(probabilities: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < probabilities.length; i++) if (probabilities[i]! > probabilities[best]!) best = i;
  return best;
}

export function probabilityBars(): ProbabilityBars {
  const rows = Array.from({ length: 10 }, (_, digit) => {
    const value = h('span', { class: 'probability-value' });
    const bar = h('span', { class: 'probability-bar' });
    const row = h(
      'li',
      {},
      h('span', { class: 'probability-digit' }, digit),
      h('span', { class: 'probability-track' }, bar),
      value,
    );
    return { row, bar, value };
  });
  const element = h(
    'ol',
    { class: 'probabilities', ariaLabel: 'Probability of each digit' },
    ...rows.map(({ row }) => row),
  );
  return {
    element,
    show(probabilities) {
      const best = probabilities ? mostLikely(probabilities) : -1;
      rows.forEach(({ row, bar, value }, digit) => {
        const share = probabilities?.[digit] ?? 0;
        bar.style.setProperty('--share', String(share));
        value.textContent = probabilities ? percent(share) : '';
        row.classList.toggle('best', digit === best);
      });
    },
  };
}
