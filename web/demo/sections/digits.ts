// Digits as the network sees them, drawn on the page.
import type { Sample } from '../engine/protocol';

const SIDE = 28;

/** Lays the images out in rows that fill the canvas: black ink on nothing, which the dark page inverts. */
export function drawDigits(
  canvas: HTMLCanvasElement,
  { pixels, count }: Pick<Sample, 'pixels' | 'count'>,
  columns = 16,
): void {
  const rows = Math.ceil(count / columns);
  canvas.width = columns * SIDE;
  canvas.height = rows * SIDE;
  const context = canvas.getContext('2d');
  if (!context) return;
  const image = context.createImageData(canvas.width, canvas.height);
  for (let digit = 0; digit < count; digit++) {
    const left = (digit % columns) * SIDE;
    const top = Math.floor(digit / columns) * SIDE;
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const to = ((top + y) * canvas.width + left + x) * 4;
        image.data[to + 3] = pixels[(digit * SIDE + y) * SIDE + x]!;
      }
    }
  }
  context.putImageData(image, 0, 0);
  canvas.dataset['ready'] = 'true';
}
