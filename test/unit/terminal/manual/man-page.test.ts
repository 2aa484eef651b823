/** The manual page as groff is given it; that groff takes it, and what it makes of it, is seen in the lab tier. */

import { commandDoc } from '@homeward/shared/terminal/manual/command-doc';
import { manPage } from '@homeward/shared/terminal/manual/man-page';
import { escaped, line } from '@homeward/shared/terminal/manual/roff';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { sampleProgram } from './sample.js';

function page(): string {
  const program = sampleProgram();
  return manPage({ program: commandDoc(program), topics: program.topics, version: '1.2.3', seeAlso: ['nft(8)'] });
}

describe('terminal/manual/man-page', () => {
  it('has the sections of a page of section 8, in their order', () => {
    const sections = page()
      .split('\n')
      .flatMap((text) => /^\.SH "(.*)"$/.exec(text)?.[1] ?? []);
    expect(sections).to.deep.equal([
      'NAME',
      'SYNOPSIS',
      'DESCRIPTION',
      'OPTIONS',
      'COMMANDS',
      'SPECS',
      'ENVIRONMENT',
      'EXIT STATUS',
      'EXAMPLES',
      'SEE ALSO',
    ]);
    expect(page()).to.match(/^\.TH SAMPLE 8 "" "homeward 1\.2\.3" "homeward"\n/);
    expect(page()).to.include('\nsample \\- do things\n');
  });

  it('names every command and option once, hidden ones never', () => {
    for (const term of ['pair <backend>', 'forward add <backend> <spec...>', 'forward remove <backend> <forward...>']) {
      expect(page().split(`.SS "${term}"`), term).to.have.length(2);
    }
    for (const term of ['\\-\\-json', '\\-\\-state\\-dir <dir>', '\\-\\-tunnel <kind>', '\\-h, \\-\\-help']) {
      expect(page().split(`.B "${term}"`), term).to.have.length(2);
    }
    expect(page()).to.not.include('__complete');
  });

  it('lets no text become markup', () => {
    expect(line('.SH not a heading')).to.equal('\\&.SH not a heading');
    expect(escaped('a\\b "c" \'d\' -e ~f ^g')).to.equal('a\\(rsb \\(dqc\\(dq \\(aqd\\(aq \\-e \\(tif \\(hag');
    expect(page()).to.include('\n\\&.dots and \\(rs back\\-slashes stay\n\\(aqquotes\\(aq too\n');
  });
});
