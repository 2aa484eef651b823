/** Reads what conntrack(8) lists and deletes: a line a flow, `name=value` words, the original direction's first. */

export interface ListedFlow {
  /** As its first packet came, before any translation. */
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Where answers go to: the client's port as the service sees it. */
  readonly answeredPort: number;
}

const WORDS = /src=(\S+) dst=(\S+) sport=(\d{1,5}) dport=(\d{1,5}) .*src=\S+ dst=\S+ sport=\d+ dport=(\d{1,5})(?!\d)/;

/** Flows of TCP and UDP; other lines are passed over. */
export function parseFlows(listing: string): ListedFlow[] {
  return listing.split('\n').flatMap((line) => {
    const [, source, destination, sourcePort, destinationPort, answeredPort] = WORDS.exec(line) ?? [];
    if (source === undefined || destination === undefined) return [];
    return [
      {
        ...{ source, destination },
        sourcePort: Number(sourcePort),
        destinationPort: Number(destinationPort),
        answeredPort: Number(answeredPort),
      },
    ];
  });
}
