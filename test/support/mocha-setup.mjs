/** Loaded into every mocha run: a promise rejected without a handler must fail the run; mocha by itself lets it pass. */
process.on('unhandledRejection', (reason) => {
  throw reason instanceof Error ? reason : new Error(`unhandled rejection: ${String(reason)}`);
});
