// The head of the page: which build was loaded and why, what the browser tells of the machine.
import type { Engine } from '../engine/engine';
import type { Variant } from '../engine/protocol';
import { alertPanel } from '../ui/alert';
import { byId, h, replace } from '../ui/dom';
import { bytes, milliseconds, significant } from '../ui/format';
import { machineFacts } from '../ui/machine';

const VARIANTS: { value: Variant; label: string }[] = [
  { value: 'auto', label: 'best for this browser' },
  { value: 'relaxed', label: 'relaxed (fused multiply-add)' },
  { value: 'simd', label: 'simd (128-bit vectors)' },
  { value: 'scalar', label: 'scalar (no vectors)' },
];

export function heroSection(engine: Engine, onVariant: (variant: Variant) => void): void {
  const build = byId('build');
  const facts = byId('facts');
  const select = h(
    'select',
    { id: 'variant' },
    ...VARIANTS.map(({ value, label }) => h('option', { value, selected: value === engine.variant }, label)),
  );
  select.addEventListener('change', () => onVariant(select.value as Variant));
  byId('variant-field').append(h('label', { htmlFor: 'variant' }, 'Build'), select);

  const render = () => {
    const { state, info, error } = engine;
    document.documentElement.dataset['engine'] = state;
    if (state === 'failed' && error) {
      replace(
        build,
        alertPanel(error, () => void engine.start()),
      );
    } else if (state === 'ready' && info) {
      replace(
        build,
        h(
          'p',
          {},
          'Loaded the ',
          h('strong', {}, info.variant),
          ` build in ${milliseconds(info.loadMs)}: ${info.variantReason}.`,
        ),
        h(
          'p',
          {},
          h('strong', {}, `${info.threads} thread${info.threads === 1 ? '' : 's'}`),
          `: ${info.threadsReason}.`,
        ),
      );
    } else {
      const { loaded, total } = engine.loadProgress;
      replace(
        build,
        h(
          'p',
          {},
          loaded
            ? `Loading the library: ${bytes(loaded)}${total ? ` of ${bytes(total)}` : ''}`
            : 'Loading the library',
        ),
        h('progress', { ariaLabel: 'Loading', ...(total ? { max: total, value: loaded } : {}) }),
      );
    }
  };
  engine.addEventListener('change', render);
  engine.addEventListener('load', render);
  render();

  const showFacts = async () => {
    const list = await machineFacts();
    if (engine.info) list.push(['Clock step', `${significant(engine.info.clockStepUs, 2)} µs`]);
    replace(facts, ...list.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))));
  };
  engine.addEventListener('change', () => void showFacts());
  void showFacts();
}
