/** The daemons' log on stderr: JSON lines, or readable lines on a terminal. */

import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

/** `debug` also shows what is done in detail. Secrets are `Secret` values, which print redacted; paths that could hold one are removed all the same. */
export function createLogger(name: string, debug: boolean): Logger {
  const options = {
    name,
    level: debug ? 'debug' : 'info',
    redact: ['*.privateKey', '*.presharedKey', '*.secret', '*.token', 'token', 'secret'],
  };
  if (process.stderr.isTTY === true) {
    return pino(
      options,
      pretty({ destination: 2, sync: true, ignore: 'pid,hostname,name', translateTime: 'HH:MM:ss' }),
    );
  }
  return pino(options, pino.destination({ dest: 2, sync: true }));
}
