// The surface to draw on: mouse, pen or finger, on a canvas as sharp as the screen.
import { h } from '../ui/dom';
import type { Stroke } from './preprocess';

/** Thickness of the line on show, as a part of the pad's side; the network sees its own (preprocess.ts). */
const LINE = 0.07;

export interface Pad {
  canvas: HTMLCanvasElement;
  strokes(): readonly Stroke[];
  clear(): void;
  undo(): void;
  /** Puts a picture in place of the strokes. The next stroke begins on an empty pad. */
  show(picture: HTMLCanvasElement): void;
}

/** `onChange` is called while a stroke grows, and with `finished` once it is done, undone or cleared. */
export function createPad(onChange: (finished: boolean) => void): Pad {
  const canvas = h('canvas', { class: 'pad', role: 'img', ariaLabel: 'The pad to draw on' });
  let strokes: Stroke[] = [];
  let current: Stroke | undefined;
  let shown: HTMLCanvasElement | undefined;

  const place = (event: PointerEvent) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
  };

  canvas.addEventListener('pointerdown', (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    shown = undefined;
    current = [place(event)];
    strokes.push(current);
    redraw();
    onChange(false);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!current || !event.isPrimary) return;
    // All the points since the last frame: without them a quick hand would draw corners.
    const events = event.getCoalescedEvents?.() ?? [];
    current.push(...(events.length ? events : [event]).map(place));
    redraw();
    onChange(false);
  });
  const end = (event: PointerEvent) => {
    if (!current || !event.isPrimary) return;
    current = undefined;
    onChange(true);
  };
  canvas.addEventListener('pointerup', end);
  canvas.addEventListener('pointercancel', end);

  function redraw(): void {
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    const context = canvas.getContext('2d');
    if (side === 0 || !context) return;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    context.clearRect(0, 0, side, side);
    const ink = getComputedStyle(canvas).color;
    if (shown) {
      context.drawImage(shown, 0, 0, side, side);
      context.globalCompositeOperation = 'source-in'; // its shape, in the pad's ink
      context.fillStyle = ink;
      context.fillRect(0, 0, side, side);
      context.globalCompositeOperation = 'source-over';
    }
    context.strokeStyle = ink;
    context.lineWidth = LINE * side;
    context.lineCap = context.lineJoin = 'round';
    for (const stroke of strokes) {
      context.beginPath();
      context.moveTo(stroke[0]!.x * side, stroke[0]!.y * side);
      for (const { x, y } of stroke) context.lineTo(x * side, y * side);
      context.stroke();
    }
  }
  new ResizeObserver(redraw).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);

  const change = (next: Stroke[]) => {
    strokes = next;
    current = undefined;
    shown = undefined;
    redraw();
    onChange(true);
  };
  return {
    canvas,
    strokes: () => strokes,
    clear: () => change([]),
    undo: () => change(strokes.slice(0, -1)),
    show(picture) {
      strokes = [];
      shown = picture;
      redraw();
    },
  };
}
