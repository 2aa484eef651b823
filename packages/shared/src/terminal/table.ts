/** Plain tables: columns as wide as their widest cell. */

/** Rows of cells with a header row; cells may carry colour. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => visibleLength(row[column] ?? ''))));
  return all
    .map((row) => row.map((cell, column) => pad(cell, widths[column] ?? 0)).join('  ').trimEnd())
    .join('\n');
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - visibleLength(cell)));
}

function visibleLength(cell: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape that starts a colour.
  return cell.replace(/\u001b\[[0-9;]*m/g, '').length;
}
