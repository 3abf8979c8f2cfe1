// From strokes of a pen to the 28x28 image that MNIST would have made of them.
//
// MNIST scaled every digit, its shape kept, into 20x20 pixels and put its centre of mass into the middle of
// 28x28. Strokes are scaled here before they get their thickness, so that a small digit does not end up
// with fatter lines than a large one.

export interface Point {
  x: number;
  y: number;
}
/** The points of one stroke, pen down to pen up; a single point is a dot. */
export type Stroke = Point[];

export const SIDE = 28;
const BOX = 20;
/** Half the thickness of a line in pixels: strokes of MNIST's digits are about two and a half wide. */
const PEN_RADIUS = 1.25;

/** The image, 28x28 values from 0 (paper) to 1 (ink), row by row. Without strokes it is all paper. */
export function digitFromStrokes(strokes: readonly Stroke[]): Float32Array {
  const points = strokes.flat();
  if (points.length === 0) return new Float32Array(SIDE * SIDE);
  const left = Math.min(...points.map(({ x }) => x));
  const right = Math.max(...points.map(({ x }) => x));
  const top = Math.min(...points.map(({ y }) => y));
  const bottom = Math.max(...points.map(({ y }) => y));
  const extent = Math.max(right - left, bottom - top);
  // The lines' thickness is part of the 20 pixels. A dot has no extent and keeps its size.
  const scale = extent > 0 ? (BOX - 2 * PEN_RADIUS) / extent : 0;
  const middle = SIDE / 2;
  const placed = strokes.map((stroke) =>
    stroke.map(({ x, y }) => ({
      x: middle + (x - (left + right) / 2) * scale,
      y: middle + (y - (top + bottom) / 2) * scale,
    })),
  );
  const mass = centreOfMass(drawLines(placed));
  return drawLines(
    placed.map((stroke) => stroke.map(({ x, y }) => ({ x: x + middle - mass.x, y: y + middle - mass.y }))),
  );
}

/** The ink's centre in pixels; pixel i covers i to i + 1. */
export function centreOfMass(image: Float32Array): Point {
  let sum = 0;
  let x = 0;
  let y = 0;
  image.forEach((ink, i) => {
    sum += ink;
    x += ink * ((i % SIDE) + 0.5);
    y += ink * (Math.floor(i / SIDE) + 0.5);
  });
  return sum > 0 ? { x: x / sum, y: y / sum } : { x: SIDE / 2, y: SIDE / 2 };
}

/** Ink falls off over one pixel at a line's edge, as in MNIST's own grey edges. */
function drawLines(strokes: readonly Stroke[]): Float32Array {
  const image = new Float32Array(SIDE * SIDE);
  const reach = PEN_RADIUS + 0.5;
  const draw = (from: Point, to: Point) => {
    const x0 = Math.max(0, Math.floor(Math.min(from.x, to.x) - reach));
    const x1 = Math.min(SIDE - 1, Math.ceil(Math.max(from.x, to.x) + reach));
    const y0 = Math.max(0, Math.floor(Math.min(from.y, to.y) - reach));
    const y1 = Math.min(SIDE - 1, Math.ceil(Math.max(from.y, to.y) + reach));
    for (let y = y0; y <= y1; y++) {
      for (let x = x0; x <= x1; x++) {
        const ink = reach - distance({ x: x + 0.5, y: y + 0.5 }, from, to);
        const at = y * SIDE + x;
        image[at] = Math.max(image[at]!, Math.min(1, ink));
      }
    }
  };
  for (const stroke of strokes) {
    if (stroke.length === 1) draw(stroke[0]!, stroke[0]!);
    for (let i = 1; i < stroke.length; i++) draw(stroke[i - 1]!, stroke[i]!);
  }
  return image;
}

/** From a point to a line segment. */
function distance(point: Point, from: Point, to: Point): number {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const square = dx * dx + dy * dy;
  const t =
    square > 0 ? Math.max(0, Math.min(1, ((point.x - from.x) * dx + (point.y - from.y) * dy) / square)) : 0;
  return Math.hypot(point.x - from.x - t * dx, point.y - from.y - t * dy);
}
