/** mocha's JSON reporter (to the file in `--reporter-option output=`) that also prints one line for each test. */
import Mocha from 'mocha';

const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING } = Mocha.Runner.constants;

const indent = (text) => text.replace(/^/gm, '      ');

const causes = (error) =>
  error?.cause === undefined ? '' : `\ncaused by: ${error.cause?.stack ?? error.cause}${causes(error.cause)}`;

export default class LineReporter extends Mocha.reporters.JSON {
  constructor(runner, options) {
    super(runner, options);
    const print = (line) => process.stdout.write(`${line}\n`);
    runner.on(EVENT_TEST_PASS, (test) => print(`  ok      ${test.fullTitle()} (${test.duration} ms)`));
    runner.on(EVENT_TEST_PENDING, (test) => print(`  PENDING ${test.fullTitle()}`));
    runner.on(EVENT_TEST_FAIL, (test, error) => {
      print(`  FAILED  ${test.fullTitle()}`);
      print(indent(`${error?.stack ?? error}${causes(error)}`));
    });
  }
}
