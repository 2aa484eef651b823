/** `controller token create|list|revoke`. */

import { RelayError } from '@homeward/shared/errors/relay-error';
import type { Console } from '@homeward/shared/terminal/console';
import { parseDuration } from '@homeward/shared/terminal/duration';
import type { DocumentedCommand } from '@homeward/shared/terminal/manual/documented-command';
import { table } from '@homeward/shared/terminal/table';
import { z } from 'zod';
import { checkTokenRequest, MOST_USES, type TokenRequest } from '../operations/token-request.js';
import { tokenSubject } from '../store/tokens.js';
import type { CommandContext } from './context.js';

interface CreateOptions {
  readonly uses: string;
  readonly expires: string;
  readonly namePrefix?: string;
}

const issuedSchema = z.looseObject({
  id: z.string(),
  token: z.string(),
  name: z.string().nullable(),
  namePrefix: z.string().nullable(),
  uses: z.number(),
  expiresAt: z.string(),
  urls: z.array(z.string()),
  /** Not told by a daemon of a former version, which goes on during an upgrade. */
  problem: z.string().nullable().default(null),
});

const viewSchema = z.looseObject({
  id: z.string(),
  name: z.string().nullable(),
  namePrefix: z.string().nullable(),
  state: z.string(),
  uses: z.number(),
  usesLeft: z.number(),
  expiresAt: z.string(),
  usedBy: z.array(z.looseObject({ name: z.string(), paired: z.boolean(), at: z.string(), from: z.string() })),
});

const listSchema = z.looseObject({ tokens: z.array(viewSchema) });

export function addTokenCommands(program: DocumentedCommand, context: () => CommandContext): void {
  const token = program
    .command('token')
    .summary('enroll tokens apart from pair, for images and cloud-init')
    .description(
      'Makes, lists and revokes the tokens by which backends enroll. For one backend at hand, pair does it all.',
    );
  addCreate(token, context);
  addList(token, context);
  addRevoke(token, context);
}

function addCreate(token: DocumentedCommand, context: () => CommandContext): void {
  token
    .command('create')
    .summary('make a token and print it, once')
    .description(
      'With NAME: a token for that one backend, which is awaited from now on; earlier tokens for it are void.\nWith --name-prefix: each backend that enrolls gets a name of its own, PREFIX-1, PREFIX-2, … (the lowest that is free).\nOnly a hash of the token is kept: it cannot be shown again. 7 days after it has expired it is forgotten altogether.',
    )
    .argument('[name]', 'the one backend it is for')
    .option('--name-prefix <prefix>', 'for several backends: what their names begin with')
    .option('--uses <count>', 'how many backends may enroll with it', '1')
    .option('--expires <time>', 'how long it is valid: 30m, 1h, 7d', '1h')
    .example('controller token create home', 'for one backend, to be enrolled later')
    .example(
      'controller token create --name-prefix web --uses 20 --expires 7d --json | jq -r .token',
      'for an image that becomes up to 20 backends: web-1, web-2, …',
    )
    .action(async (name: string | undefined, options: CreateOptions) => {
      const { console, call } = context();
      const request = requestOf(name, options);
      const document = await call('token-create', request);
      console.document(document);
      tellIssued(console, issuedSchema.parse(document));
    });
}

function addList(token: DocumentedCommand, context: () => CommandContext): void {
  token
    .command('list')
    .summary('list tokens, and who came by them')
    .description(
      'Shows whom each token is for, how many may still enroll with it, and who did: name, when, from where. Never the token itself.\nTokens that have expired or were revoked are listed for 7 days more; making a token then drops them.',
    )
    .example('controller token list', 'who may still come, and who came by which token')
    .action(async () => {
      const { console, call } = context();
      const document = await call('token-list', {});
      console.document(document);
      const { tokens } = listSchema.parse(document);
      if (tokens.length === 0) return console.line('no tokens; make one: controller token create NAME');
      console.line(
        table(
          ['ID', 'FOR', 'USES LEFT', 'STATE', 'EXPIRES', 'USED BY'],
          tokens.flatMap((view) => rowsOf(console, view)),
        ),
      );
    });
}

function addRevoke(token: DocumentedCommand, context: () => CommandContext): void {
  token
    .command('revoke')
    .summary('let nobody else enroll with a token')
    .description('Backends that have enrolled with it stay paired: to end that, use unpair.')
    .argument('<id>', 'its id as token list shows it, or the beginning of it')
    .example('controller token revoke Xk3', 'a token got into the wrong hands')
    .action(async (id: string) => {
      const { console, call } = context();
      const document = await call('token-revoke', { id });
      console.document(document);
      const view = viewSchema.parse(document);
      console.line(`token ${view.id} (${tokenSubject(view)}) is revoked: nobody else enrolls with it`);
      const paired = view.usedBy.filter((use) => use.paired).map((use) => use.name);
      if (paired.length > 0) return console.line(`still paired, by this token: ${paired.join(', ')}`);
      if (view.name !== null) {
        console.line(`${view.name} is still awaited: a new token by controller token create ${view.name}`);
      }
    });
}

function requestOf(name: string | undefined, options: CreateOptions): TokenRequest {
  const request = {
    name: name ?? null,
    namePrefix: options.namePrefix ?? null,
    uses: parseUses(options.uses),
    expiresMs: parseDuration(options.expires, '--expires'),
  };
  checkTokenRequest(request);
  return request;
}

function parseUses(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new RelayError('bad-input', `--uses ${JSON.stringify(text)} is not a number from 1 to ${MOST_USES}`, {
    hint: 'example: --uses 3',
  });
}

function tellIssued(console: Console, issued: z.infer<typeof issuedSchema>): void {
  const { id, token, namePrefix, uses, expiresAt, urls, problem } = issued;
  console.line(
    `Run this at ${namePrefix === null ? 'the backend' : 'each backend'}, and paste the token when it asks:`,
  );
  console.line();
  console.line(`  ${console.style('bold', 'agent enroll')}`);
  console.line();
  console.line(token);
  console.line();
  console.line('In an image or cloud-init: agent enroll --token-file FILE, or HOMEWARD_TOKEN in its environment.');
  console.line(
    `Token ${id}, for ${tokenSubject(issued)}: it works ${uses === 1 ? 'once' : `${uses} times`}, until ${expiresAt}`,
  );
  console.line(`and is not shown again. The backend will dial ${urls.join(', ')}`);
  if (problem !== null) console.line(console.style('yellow', problem));
}

/** A row for the token, and one for each backend that came by it after the first. */
function rowsOf(console: Console, view: z.infer<typeof viewSchema>): string[][] {
  const state = console.style(view.state === 'valid' ? 'green' : 'dim', view.state);
  const uses = view.usedBy.map(
    ({ name, paired, at, from }) => `${name}${paired ? '' : ' (unpaired)'} ${at} from ${from}`,
  );
  const row = [view.id, tokenSubject(view), `${view.usesLeft} of ${view.uses}`, state, view.expiresAt];
  return [[...row, uses[0] ?? '-'], ...uses.slice(1).map((use) => [...row.map(() => ''), use])];
}
