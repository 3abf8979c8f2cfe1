// A section's results in three forms, for a note, a spreadsheet or a program.
import { h } from './dom';

export interface ResultTable {
  title: string;
  /** One line on where the numbers come from: build, threads, browser, date. */
  source: string;
  columns: string[];
  /** Raw values: numbers stay numbers in JSON and CSV. */
  rows: (string | number | boolean | null)[][];
}

const asText = (value: string | number | boolean | null): string =>
  value === null
    ? ''
    : typeof value === 'number' && !Number.isInteger(value)
      ? String(Number(value.toPrecision(6)))
      : String(value);

export function toMarkdown({ title, source, columns, rows }: ResultTable): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const isNumber = columns.map((_, i) => rows.some((row) => typeof row[i] === 'number'));
  return [
    `**${title}**`,
    '',
    line(columns),
    line(isNumber.map((number) => (number ? '---:' : '---'))),
    ...rows.map((row) => line(row.map(asText))),
    '',
    source,
    '',
  ].join('\n');
}

export function toCsv({ columns, rows }: ResultTable): string {
  const cell = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  return (
    [columns, ...rows.map((row) => row.map(asText))].map((row) => row.map(cell).join(',')).join('\r\n') +
    '\r\n'
  );
}

export function toJson({ title, source, columns, rows }: ResultTable): string {
  const objects = rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i] ?? null])));
  return JSON.stringify({ title, source, rows: objects }, null, 2) + '\n';
}

async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Pages without https have no clipboard; the old way still works there.
  const area = h('textarea', { value: text, class: 'visually-hidden' });
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('this browser did not allow it');
}

/** The row of buttons; `tell` announces what happened. */
export function copyButtons(table: () => ResultTable, tell: (text: string) => void): HTMLElement {
  const forms: [string, (table: ResultTable) => string][] = [
    ['Markdown', toMarkdown],
    ['CSV', toCsv],
    ['JSON', toJson],
  ];
  const buttons = forms.map(([name, form]) => {
    const button = h('button', {
      type: 'button',
      class: 'quiet',
      textContent: name,
      ariaLabel: `Copy as ${name}`,
    });
    button.addEventListener('click', () => {
      copy(form(table())).then(
        () => tell(`Copied as ${name}.`),
        (error: unknown) => tell(`Could not copy: ${error instanceof Error ? error.message : String(error)}`),
      );
    });
    return button;
  });
  return h(
    'div',
    { class: 'copy', role: 'group', ariaLabel: 'Copy the results' },
    h('span', {}, 'Copy as'),
    ...buttons,
  );
}
