// Drawn digits become images as MNIST makes them, wherever and however large they were drawn.
import { expect, it } from 'vitest';
import { centreOfMass, digitFromStrokes, SIDE, type Stroke } from '../../web/demo/draw/preprocess';

const seven: Stroke[] = [
  [
    { x: 20, y: 20 },
    { x: 80, y: 20 },
    { x: 45, y: 120 },
  ],
];
const moved = (strokes: Stroke[], scale: number, dx: number, dy: number) =>
  strokes.map((stroke) => stroke.map(({ x, y }) => ({ x: x * scale + dx, y: y * scale + dy })));

function extent(image: Float32Array) {
  const inked = [...image.keys()].filter((i) => image[i]! > 0.5);
  const columns = inked.map((i) => i % SIDE);
  const rows = inked.map((i) => Math.floor(i / SIDE));
  return {
    width: Math.max(...columns) - Math.min(...columns) + 1,
    height: Math.max(...rows) - Math.min(...rows) + 1,
  };
}

it('fits the digit into 20 pixels and keeps its shape', () => {
  const { width, height } = extent(digitFromStrokes(seven));
  expect(height).toBeGreaterThanOrEqual(19);
  expect(height).toBeLessThanOrEqual(21);
  expect(width / height).toBeCloseTo(0.63, 0);
  expect(width).toBeLessThan(height);
});

it('puts the centre of mass into the middle', () => {
  for (const strokes of [seven, moved(seven, 0.3, 400, -20)]) {
    const { x, y } = centreOfMass(digitFromStrokes(strokes));
    expect(x).toBeCloseTo(14, 1);
    expect(y).toBeCloseTo(14, 1);
  }
});

it('does not depend on where or how large it was drawn', () => {
  const image = digitFromStrokes(seven);
  const other = digitFromStrokes(moved(seven, 3.7, -55, 210));
  expect(Math.max(...image.map((value, i) => Math.abs(value - other[i]!)))).toBeLessThan(1e-4);
});

it('lies between paper and ink, and is paper alone without strokes', () => {
  expect(digitFromStrokes(seven).every((value) => value >= 0 && value <= 1)).toBe(true);
  expect(digitFromStrokes([]).every((value) => value === 0)).toBe(true);
  expect(digitFromStrokes([]).length).toBe(SIDE * SIDE);
});

it('takes a dot and a straight line', () => {
  const dot = digitFromStrokes([[{ x: 3, y: 3 }]]);
  expect(centreOfMass(dot).x).toBeCloseTo(14, 3);
  expect(extent(dot).width).toBeLessThanOrEqual(4);
  const line = digitFromStrokes([
    [
      { x: 5, y: 0 },
      { x: 5, y: 50 },
    ],
  ]);
  expect(extent(line).height).toBeGreaterThanOrEqual(19);
});
