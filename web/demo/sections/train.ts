// Train the network on MNIST: live curves, then what it gets wrong.
import type { FileBytes } from 'tinytorch-wasm';
import { proxy } from 'comlink';
import type { Engine } from '../engine/engine';
import type { Mistake, TrainResult, TrainUpdate } from '../engine/protocol';
import { lineChart } from '../ui/charts';
import { byId, h, replace } from '../ui/dom';
import { radioField, selectField } from '../ui/fields';
import { duration, percent, significant } from '../ui/format';
import { sourceLine } from '../ui/machine';
import { createPanel, type Job, type Panel } from '../ui/panel';
import { drawDigits } from './digits';

const DIGITS = Array.from({ length: 10 }, (_, digit) => digit);
/** The accuracies whose time of arrival is shown. */
const GOALS = [0.97, 0.98];

type Evaluation = Extract<TrainUpdate, { kind: 'evaluation' }>;
type Step = Extract<TrainUpdate, { kind: 'step' }>;

export function trainSection(engine: Engine, onTrained: (model: FileBytes) => void): Panel {
  let steps: Step[] = [];
  let evaluations: Evaluation[] = [];
  let result: TrainResult | undefined;
  let paused = false;

  const rung = selectField('Matrix products by');
  const epochs = radioField(
    'Epochs',
    [1, 2, 4, 10].map((value) => ({ value, label: String(value) })),
    4,
  );
  const offerRungs = () => {
    const names = (engine.info?.rungs ?? []).filter(({ available }) => available).map(({ name }) => name);
    if (engine.info)
      rung.setChoices([
        { value: 'auto', label: 'auto (the fastest)' },
        ...names.map((value) => ({ value, label: value })),
      ]);
  };
  engine.addEventListener('change', offerRungs);

  const pause = h('button', { type: 'button', ariaPressed: 'false' }, 'Pause');
  const setPaused = (value: boolean) => {
    paused = value;
    pause.textContent = value ? 'Go on' : 'Pause';
    pause.ariaPressed = String(value);
  };
  pause.addEventListener('click', () => {
    setPaused(!paused);
    void engine.ask((api) => api.pauseTraining(paused));
  });

  const headline = h('p', { class: 'headline' });
  const figures = h('dl', { class: 'figures' });
  const lossChart = lineChart();
  const accuracyChart = lineChart();
  const after = h('div', { class: 'side-by-side' });
  const results = h(
    'div',
    { class: 'results' },
    headline,
    figures,
    h('div', { class: 'side-by-side' }, lossChart.element, accuracyChart.element),
    after,
  );

  const run: Job = async (signal, onProgress) => {
    steps = [];
    evaluations = [];
    result = undefined;
    setPaused(false);
    replace(after);
    const options = { kernel: rung.value(), epochs: epochs.value() };
    result = await engine.run(signal, (api) => api.train(options, proxy(onProgress), proxy(onUpdate)));
    render();
    replace(after, confusionTable(result.confusion), mistakeGallery(result.mistakes));
    onTrained(result.model);
    return headlineText();
  };

  function onUpdate(update: TrainUpdate): void {
    if (update.kind === 'step') steps.push(update);
    else evaluations.push(update);
    render();
  }

  const reached = (goal: number) => evaluations.find(({ accuracy }) => accuracy >= goal);

  function headlineText(): string {
    const last = evaluations.at(-1);
    if (!last) return 'Training';
    const goal = GOALS.findLast((value) => reached(value));
    const when = goal ? `, and passed ${percent(goal)} after ${duration(reached(goal)!.elapsedMs)}` : '';
    return `${percent(last.accuracy)} of 10,000 test digits are read correctly after ${duration(last.elapsedMs)}${when}.`;
  }

  function render(): void {
    const step = steps.at(-1);
    const last = evaluations.at(-1);
    replace(headline, headlineText());
    const values: [string, string][] = [
      ['Images per second', step ? significant(step.imagesPerSecond) : '–'],
      ['Epoch', step ? step.epoch.toFixed(1) : '–'],
      ['Training loss', step ? significant(step.loss) : '–'],
      ['Test accuracy', last ? percent(last.accuracy) : '–'],
      ...GOALS.map((goal): [string, string] => {
        const when = reached(goal);
        return [`${percent(goal)} after`, when ? duration(when.elapsedMs) : '–'];
      }),
    ];
    replace(figures, ...values.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))));
    const seconds = ({ elapsedMs }: TrainUpdate) => elapsedMs / 1000;
    lossChart.update({
      title: 'Loss',
      xTitle: 'Seconds',
      yTitle: 'Cross-entropy',
      dots: false,
      format: (value) => significant(value),
      xMin: 0,
      yMin: 0,
      lines: [
        { label: 'training', colour: '--bar', points: steps.map((at) => ({ x: seconds(at), y: at.loss })) },
        {
          label: 'test',
          colour: '--accent',
          points: evaluations.map((at) => ({ x: seconds(at), y: at.loss })),
        },
      ],
    });
    accuracyChart.update({
      title: 'Test accuracy',
      xTitle: 'Seconds',
      yTitle: 'Per cent of the test digits',
      dots: true,
      format: (value) => `${value.toFixed(2)} %`,
      xMin: 0,
      yMin: 90,
      yMax: 100,
      lines: [
        {
          label: 'test accuracy',
          colour: '--accent',
          points: evaluations.map((at) => ({ x: seconds(at), y: at.accuracy * 100 })),
        },
      ],
    });
  }

  const panel = createPanel({
    engine,
    runLabel: 'Train',
    controls: [epochs.element, rung.element],
    run,
    results,
    emptyText: 'Not trained yet. The 60,000 digits are 9 MB; they are fetched when you press Train.',
    stop: { label: 'Stop', onStop: () => void engine.ask((api) => api.stopTraining()), others: [pause] },
    table: () =>
      evaluations.length === 0
        ? undefined
        : {
            title: 'Training 784-256-128-10 on MNIST',
            source: sourceLine(engine.info),
            columns: ['seconds', 'epoch', 'test accuracy', 'test loss'],
            rows: evaluations.map(({ elapsedMs, epoch, accuracy, loss }) => [
              elapsedMs / 1000,
              epoch,
              accuracy,
              loss,
            ]),
          },
  });
  byId('train-panel').append(panel.element);
  return {
    element: panel.element,
    reset() {
      steps = [];
      evaluations = [];
      result = undefined;
      replace(after);
      panel.reset();
    },
  };
}

/** Rows are what the digits are, columns what was read. */
function confusionTable(confusion: number[]): HTMLElement {
  const most = Math.max(1, ...confusion.filter((_, i) => Math.floor(i / 10) !== i % 10));
  const cell = (label: number, read: number) => {
    const count = confusion[label * 10 + read]!;
    const kind = label === read ? 'confusion-right' : 'confusion-wrong';
    return h('td', { class: kind, vars: { share: String(label === read ? 1 : count / most) } }, count || '·');
  };
  return h(
    'div',
    {},
    h('h3', { id: 'confusion-title' }, 'What was read as what'),
    h('p', { class: 'note' }, 'Rows: the digit. Columns: what the network read. Darker is more often.'),
    h(
      'div',
      { class: 'table-scroll', tabIndex: 0, role: 'region', aria: { labelledby: 'confusion-title' } },
      h(
        'table',
        { class: 'confusion' },
        h('thead', {}, h('tr', {}, h('td', {}), ...DIGITS.map((read) => h('th', { scope: 'col' }, read)))),
        h(
          'tbody',
          {},
          ...DIGITS.map((label) =>
            h('tr', {}, h('th', { scope: 'row' }, label), ...DIGITS.map((read) => cell(label, read))),
          ),
        ),
      ),
    ),
  );
}

function mistakeGallery(mistakes: Mistake[]): HTMLElement {
  return h(
    'div',
    {},
    h('h3', {}, 'The worst mistakes'),
    h('p', { class: 'note' }, 'The test digits that the network was surest about, and wrong.'),
    h(
      'ul',
      { class: 'mistakes' },
      ...mistakes.map(({ pixels, label, predicted, probability }) => {
        const canvas = h('canvas', { role: 'img', ariaLabel: `A handwritten ${label}` });
        drawDigits(canvas, { pixels, count: 1 }, 1);
        return h(
          'li',
          {},
          canvas,
          h('span', {}, `${label}, read as ${predicted}`),
          h('span', { class: 'note' }, percent(probability)),
        );
      }),
    ),
  );
}
