/** What goes through the door between a test and a guest: JSON, one message a line, over a virtio serial port. */

/** The port's name, at the host and in the guest's /sys/class/virtio-ports. */
export const portName = 'homeward.test';

/** From the test; `id` is its own number for a process. */
export type ToGuest =
  | {
      readonly kind: 'start';
      readonly id: number;
      readonly argv: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'input'; readonly id: number; readonly text: string }
  | { readonly kind: 'end-of-input'; readonly id: number }
  | { readonly kind: 'signal'; readonly id: number; readonly signal: NodeJS.Signals };

export type FromGuest =
  /** The door is open. */
  | { readonly kind: 'open' }
  | { readonly kind: 'started'; readonly id: number; readonly pid: number }
  | { readonly kind: 'output'; readonly id: number; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  /** The process is gone; no code if a signal ended it or it could not be started. */
  | { readonly kind: 'ended'; readonly id: number; readonly code: number | null; readonly problem: string | null };

/** Calls `take` with each message of a stream of lines. */
export const messages = <T>(take: (message: T) => void): ((text: string) => void) => {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(JSON.parse(line) as T);
  };
};
