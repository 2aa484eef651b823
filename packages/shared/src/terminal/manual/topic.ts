/** A page of the manual that belongs to no single command: shown by `help NAME`, and a section of the man page. */

export interface TopicItem {
  readonly term: string;
  readonly says: string;
}

/** A paragraph, a list, or lines to be shown as they are. */
export type TopicPart = string | { readonly items: readonly TopicItem[] } | { readonly lines: readonly string[] };

export interface Topic {
  /** What is typed after `help`, for example `exit-codes`. */
  readonly name: string;
  /** Heading, for example `Exit codes`. */
  readonly title: string;
  readonly parts: readonly TopicPart[];
}
