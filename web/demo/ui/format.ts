// Numbers as people read them: three significant digits, a fixed unit for each table column.

/** Between a number and its unit, where a line must not break. */
const NBSP = '\u00a0';

/** 3 significant digits, without an exponent: 0.0123, 1.23, 12.3, 123, 1,234. */
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  const decimals = Math.max(0, Math.min(8, digits - 1 - magnitude));
  return value.toLocaleString('en-GB', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** For columns of milliseconds from microseconds to seconds: at most three decimals. */
export function tableMs(ms: number): string {
  return ms < 1 ? ms.toFixed(3) : significant(ms);
}

export function milliseconds(ms: number): string {
  return `${significant(ms)}${NBSP}ms`;
}

/** A duration in the unit that suits it: 0.51 ms, 840 ms, 3.2 s, 2 min 10 s. */
export function duration(ms: number): string {
  if (ms < 1000) return milliseconds(ms);
  if (ms < 60_000) return `${significant(ms / 1000, 2)}${NBSP}s`;
  return `${Math.floor(ms / 60_000)}${NBSP}min ${Math.round((ms % 60_000) / 1000)}${NBSP}s`;
}

/** Time left: rough, because it is a guess. */
export function timeLeft(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 60 ? `about ${seconds} s left` : `about ${Math.round(seconds / 60)} min left`;
}

export function gflops(value: number): string {
  return significant(value);
}

export function times(value: number): string {
  return `${value >= 10 ? significant(value, value >= 100 ? 3 : 2) : significant(value, 2)}×`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 2 : 1)}${NBSP}%`;
}

/** Small errors: 1.2e-7 as 1.2 × 10⁻⁷. */
export function scientific(value: number): string {
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return String(value);
  const [mantissa, exponent] = value.toExponential(1).split('e') as [string, string];
  const superscript = exponent
    .replace('+', '')
    .replace(/[-\d]/g, (c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(c)]!));
  return `${mantissa}${NBSP}×${NBSP}10${superscript}`;
}

export function bytes(count: number): string {
  return count < 1024 * 1024
    ? `${Math.round(count / 1024)}${NBSP}KB`
    : `${(count / 1024 / 1024).toFixed(1)}${NBSP}MB`;
}
