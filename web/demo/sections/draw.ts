// Draw a digit: the network's ten probabilities at every stroke, from the shipped model or one's own.
import type { FileBytes } from 'tinytorch-wasm';
import { createPad } from '../draw/pad';
import { digitFromStrokes, SIDE } from '../draw/preprocess';
import { mostLikely, probabilityBars } from '../draw/probabilities';
import { asError, type Engine } from '../engine/engine';
import { alertPanel } from '../ui/alert';
import { byId, h, replace } from '../ui/dom';
import { radioField } from '../ui/fields';
import { percent } from '../ui/format';
import { drawDigits } from './digits';

type Source = 'shipped' | 'trained' | 'file';
type Bytes = FileBytes;

const FILE_NAME = 'tinytorch-mnist.safetensors';

export interface DrawSection {
  /** Offers the model that was just trained, as the bytes of its file, and turns to it. */
  offerTrained(model: Bytes): void;
}

/**
 * `reader` is an engine of its own, which answers while the page's other worker trains or measures. It is
 * started when the section comes into view.
 */
export function drawSection(reader: Engine, shippedUrl: URL): DrawSection {
  const models = new Map<Source, Bytes>();
  /** What the reader holds; undefined when it must be given the chosen model first. */
  let opened: Source | undefined;
  /** The question that waits; of what is drawn while the network thinks only the latest is asked. */
  let wanted: { image: Float32Array; finished: boolean } | undefined;
  let answering = false;
  let image: Float32Array | undefined;

  const problem = h('div');
  const verdict = h('p', { class: 'verdict', role: 'status' });
  const bars = probabilityBars();
  const seen = h('canvas', {
    class: 'seen',
    role: 'img',
    ariaLabel: 'What the network sees, 28 by 28 pixels',
  });
  const pad = createPad((finished) =>
    show(pad.strokes().length ? digitFromStrokes(pad.strokes()) : undefined, finished),
  );
  const source = radioField<Source>(
    'Model',
    [
      { value: 'shipped', label: 'shipped with the page' },
      { value: 'trained', label: 'trained here', disabled: true },
      { value: 'file', label: 'from a file', disabled: true },
    ],
    'shipped',
    () => useModel(),
  );

  function show(next: Float32Array | undefined, finished: boolean): void {
    image = next;
    const values = next ?? new Float32Array(SIDE * SIDE);
    drawDigits(seen, { pixels: Uint8Array.from(values, (value) => Math.round(value * 255)), count: 1 }, 1);
    wanted = next && { image: next, finished };
    if (next) void answer();
    else clearAnswer();
  }

  function clearAnswer(): void {
    bars.show(undefined);
    verdict.textContent = 'Draw a digit from 0 to 9.';
  }

  async function answer(): Promise<void> {
    if (answering) return;
    answering = true;
    try {
      while (wanted) {
        const { image: question, finished } = wanted;
        wanted = undefined;
        await openChosen();
        const probabilities = await reader.ask((api) => api.predict(question));
        if (!image) break; // cleared meanwhile
        bars.show(probabilities);
        const digit = mostLikely(probabilities);
        // Only finished strokes are put into words: a screen reader could not keep up with the pen.
        if (finished)
          verdict.textContent = `It reads ${digit}, with a probability of ${percent(probabilities[digit]!)}.`;
      }
      replace(problem);
    } catch (error) {
      clearAnswer();
      replace(problem, alertPanel(asError(error), useModel));
    } finally {
      answering = false;
    }
  }

  async function openChosen(): Promise<void> {
    if (reader.state !== 'ready') {
      opened = undefined;
      await reader.start();
      if (reader.error) throw reader.error;
    }
    const chosen = source.value();
    if (opened === chosen) return;
    const bytes = models.get(chosen) ?? (await fetchShipped());
    await reader.ask((api) => api.openModel(bytes));
    opened = chosen;
  }

  async function fetchShipped(): Promise<Bytes> {
    const response = await fetch(shippedUrl);
    if (!response.ok) {
      throw new Error(`The model could not be loaded: ${shippedUrl.href} answered ${response.status}.`);
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    models.set('shipped', bytes);
    return bytes;
  }

  /** Asks the chosen model about what is on show. */
  function useModel(): void {
    opened = undefined;
    if (image) show(image, true);
  }

  function offer(kind: Source, bytes: Bytes): void {
    models.set(kind, bytes);
    source.select(kind);
    useModel();
  }

  const button = (text: string, onClick: () => void) => {
    const element = h('button', { type: 'button' }, text);
    element.addEventListener('click', onClick);
    return element;
  };

  async function showTestDigit(): Promise<void> {
    try {
      await openChosen();
      const { pixels, count } = await reader.ask((api) => api.sample());
      const start = Math.floor(Math.random() * count) * SIDE * SIDE;
      show(
        Float32Array.from(pixels.subarray(start, start + SIDE * SIDE), (value) => value / 255),
        true,
      );
      pad.show(seen);
    } catch (error) {
      replace(
        problem,
        alertPanel(asError(error), () => void showTestDigit()),
      );
    }
  }

  async function save(): Promise<void> {
    try {
      const bytes = models.get(source.value()) ?? (await fetchShipped());
      const link = h('a', { href: URL.createObjectURL(new Blob([bytes])), download: FILE_NAME });
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      replace(
        problem,
        alertPanel(asError(error), () => void save()),
      );
    }
  }

  const file = h('input', { type: 'file', accept: '.safetensors', hidden: true });
  file.addEventListener('change', () => void load());
  async function load(): Promise<void> {
    const chosen = file.files?.[0];
    file.value = ''; // so that the same file can be chosen again
    if (!chosen) return;
    const before = source.value();
    try {
      const bytes = new Uint8Array(await chosen.arrayBuffer());
      await openChosen(); // the reader is there, and answers for the file alone
      await reader.ask((api) => api.openModel(bytes));
      offer('file', bytes);
      replace(problem);
      verdict.textContent = `Loaded ${chosen.name}.`;
    } catch (error) {
      source.select(before);
      opened = undefined;
      replace(problem, alertPanel(asError(error)));
    }
  }

  byId('draw-panel').append(
    h(
      'div',
      { class: 'panel' },
      h(
        'div',
        { class: 'controls' },
        source.element,
        h(
          'div',
          { class: 'run-buttons' },
          button('Save the model', () => void save()),
          file,
          button('Load a model', () => file.click()),
        ),
      ),
      h(
        'div',
        { class: 'draw' },
        h(
          'div',
          { class: 'draw-left' },
          pad.canvas,
          h(
            'div',
            { class: 'run-buttons' },
            button('Clear', () => pad.clear()),
            button('Undo', () => pad.undo()),
            button('A test digit', () => void showTestDigit()),
          ),
        ),
        h('figure', { class: 'draw-seen' }, seen, h('figcaption', {}, 'What the network sees')),
        h('div', { class: 'draw-right' }, verdict, bars.element),
      ),
      problem,
    ),
  );
  clearAnswer();
  show(undefined, false);

  return { offerTrained: (model) => offer('trained', model) };
}
