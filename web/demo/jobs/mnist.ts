// The page's copy of MNIST: gzip of two IDX files, labels then images (scripts/prepare_mnist.mjs).

export interface Digits {
  count: number;
  rows: number;
  cols: number;
  /** Grey values, count x rows x cols. */
  pixels: Uint8Array;
  labels: Uint8Array;
}

const IMAGES_MAGIC = 2051;
const LABELS_MAGIC = 2049;

export async function fetchDigits(
  url: URL,
  onBytes: (loaded: number, total: number) => void = () => {},
  signal?: AbortSignal,
): Promise<Digits> {
  const response = await fetch(url, { signal });
  if (!response.ok || !response.body) {
    throw new Error(
      `The digits could not be loaded: ${url.href} answered ${response.status} ${response.statusText}.`,
    );
  }
  const total = Number(response.headers.get('content-length')) || 0;
  let loaded = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        loaded += chunk.byteLength;
        onBytes(loaded, total);
        controller.enqueue(chunk);
      },
    }),
  );
  try {
    const unpacked = await new Response(counted.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
    return parse(new Uint8Array(unpacked));
  } catch (cause) {
    if (signal?.aborted) throw cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The digits could not be read: ${url.href} is not the page's copy of MNIST (${text}).`, {
      cause,
    });
  }
}

function parse(bytes: Uint8Array): Digits {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== LABELS_MAGIC) throw new Error('no IDX labels at its start');
  const count = view.getUint32(4);
  const images = 8 + count;
  if (view.getUint32(images) !== IMAGES_MAGIC || view.getUint32(images + 4) !== count) {
    throw new Error(`no IDX images for its ${count} labels`);
  }
  const rows = view.getUint32(images + 8);
  const cols = view.getUint32(images + 12);
  const first = images + 16;
  if (bytes.length !== first + count * rows * cols)
    throw new Error(`${bytes.length} bytes, expected ${first + count * rows * cols}`);
  return { count, rows, cols, labels: bytes.subarray(8, 8 + count), pixels: bytes.subarray(first) };
}

/** Grey values 0..255 as the network takes them: 0..1. */
export function toUnit(pixels: Uint8Array): Float32Array {
  return Float32Array.from(pixels, (value) => value / 255);
}
