import { printable } from './printable.ts';

/** Changes how a text looks; the text is printable already. */
export type Paint = (text: string) => string;

export type Cell = string | { readonly text: string; readonly paint: Paint };

/** A table, a line for each row, columns as wide as their widest cell; cells are made printable. Empty when there are no rows. */
export function columns(head: readonly string[], rows: readonly (readonly Cell[])[]): readonly string[] {
  if (rows.length === 0) return [];
  const cells = [head, ...rows].map((row) => row.map(shown));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return [head, ...rows].map((row, line) =>
    row
      .map((cell, column) => {
        const content = cells[line]?.[column] ?? '';
        const padding = column === row.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - content.length);
        return (typeof cell === 'string' ? content : cell.paint(content)) + padding;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Facts below each other, names in one column; facts without a value are left out. */
export function facts(pairs: readonly (readonly [string, Cell | undefined])[]): readonly string[] {
  const present = pairs.flatMap(([name, cell]) => (cell === undefined || cell === '' ? [] : [[name, cell]]));
  const width = Math.max(0, ...present.map(([name]) => shown(name ?? '').length));
  return present.map(([name = '', cell = '']) => {
    const content = shown(cell);
    return `  ${shown(name).padEnd(width)}  ${typeof cell === 'string' ? content : cell.paint(content)}`;
  });
}

function shown(cell: Cell): string {
  return printable(typeof cell === 'string' ? cell : cell.text);
}
