/** The fault matrix as a table: what each fault cost, on which side. */

export interface Row {
  readonly side: string;
  readonly fault: string;
  /** ms; null where a daemon was killed, which heals nothing and breaks nothing. */
  readonly healedMs: number | null;
  readonly worstMs: number | null;
  readonly promisedMs: number | null;
  /** Datagrams of one each 10 ms. */
  readonly lost: number;
  /** Connections that ended, of so many times. */
  readonly ended: number;
  readonly times: number;
  /** What the daemon's log said of it. */
  readonly reported: string;
}

const text = (value: number | null): string => (value === null ? '-' : value.toFixed(0));

/** In Markdown. */
export const matrix = (rows: readonly Row[]): string =>
  [
    '| side | fault | healed after, ms (median) | at worst | promised | datagrams lost (median) | TCP connections lost | reported |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map(
      ({ side, fault, healedMs, worstMs, promisedMs, lost, ended, times, reported }) =>
        `| ${side} | ${fault} | ${text(healedMs)} | ${text(worstMs)} | ${text(promisedMs)} | ${lost} | ${ended} of ${times} | ${reported} |`,
    ),
  ].join('\n');
