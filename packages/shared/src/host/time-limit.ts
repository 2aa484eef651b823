/** Waiting with a limit. */

/**
 * Aborts with `signal`, or after the time, whichever comes first. It stands for
 * `AbortSignal.any([signal, AbortSignal.timeout(limitMs)])`, which does not keep its promise on Node 20: that holds the
 * timeout weakly, and once garbage was collected it never aborts.
 */
export function withTimeLimit(signal: AbortSignal, limitMs: number): AbortSignal {
  if (signal.aborted) return signal;
  const limited = new AbortController();
  const end = () => {
    clearTimeout(timer);
    limited.abort(signal.reason);
  };
  const timer = setTimeout(() => {
    signal.removeEventListener('abort', end);
    limited.abort(new DOMException(`over after ${limitMs} ms`, 'TimeoutError'));
  }, limitMs);
  // A program that has nothing else to do need not stay for it.
  timer.unref();
  signal.addEventListener('abort', end, { once: true });
  return limited.signal;
}
