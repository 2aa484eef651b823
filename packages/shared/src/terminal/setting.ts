/** Errors in a value, told with the name of the flag or the line of a file it was given by. */

import { RelayError } from '../errors/relay-error.js';

/** Puts the setting's name before an error of `parse`, and shows an example where that error has no hint of its own. */
export function inSetting<Value>(setting: string, example: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    throw new RelayError(error.code, `${setting}: ${error.message}`, {
      hint: error.hint ?? `example: ${setting} ${example}`,
      cause: error,
    });
  }
}
