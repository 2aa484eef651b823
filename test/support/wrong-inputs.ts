/** What can be typed wrongly, with the answers: what is wrong, and what to type instead. */
import type { Program } from './homeward.js';
import type { RunOptions } from './lab-node.js';

export interface WrongInput {
  readonly title: string;
  readonly program: Program;
  readonly args: readonly string[];
  readonly options?: RunOptions;
  /** Where it is typed, if not at the relay or the backend: a daemon that gets far enough must not meet another one. */
  readonly at?: 'relay2' | 'backend2';
  readonly exitCode: number;
  /** The first line, after the program's name. */
  readonly says: string | RegExp;
  /** The last line, without its indent. */
  readonly hint: string | RegExp;
}

type Rest = Partial<Pick<WrongInput, 'options' | 'at' | 'exitCode'>>;

/** A case from what is typed, what is answered and what is advised; exit code 2 if not told otherwise. */
const wrong = (typed: string, says: WrongInput['says'], hint: WrongInput['hint'], rest: Rest = {}): WrongInput => {
  const [program = '', ...args] = typed.split(' ').map((word) => (word === "''" ? '' : word));
  return { title: typed, program: program as Program, args, exitCode: 2, says, hint, ...rest };
};

const nobody: Rest = { options: { uid: 65_534 }, exitCode: 4 };
const input = (text: string): Rest => ({ options: { input: text } });
const badState: Rest = { exitCode: 4 };

const noPort = 'is not a port: ports go from 1 to 65535';
const noDuration = 'is not a duration between 1s and 24d';
const anyListen = 'example: --listen [::]:7700';
const anyPool = 'example: --pool 10.77.0.0/20';
const anyEndpoint = 'example: --endpoint relay.example.org, or wss://relay.example.org/homeward';
const anyFile = /^example: \{"listen": /;
const anySpec = /^a forward is \[ADDRESS:\]PUBLIC\[=TARGET\]\/PROTO, for example 443\/tcp/;
const anyName = 'use up to 32 lower case letters, digits and dashes, for example home or nas-2';
const anyToken = 'copy the whole token as the relay printed it, or make a new one there';
const aTokenFile = 'put the token into it that controller pair printed at the relay';
const aTunnel = 'use one of wireguard, gre, external';
const forGre = 'add --tunnel gre, or leave it out';
const aKey = 'leave it out, or write for example --key 4711';
const forExternal = 'add --tunnel external, or leave it out';
const aDeviceHere = 'name the one of this relay: --tunnel external --device tun0';
const aDevice = 'see what there is: ip link';
const aGateway = "write the relay's address on the device, for example --gateway 10.8.0.1";
const forAll = 'leave it out, or forward all: controller forward add home all --except 25/tcp';
const anException = 'example: --except 25/tcp, or --except 25/tcp,5000-6000/udp';
const noException = 'is not a port such as 22/tcp or 5000-6000/udp';
const evenPorts = Array.from({ length: 20 }, (_, index) => `${1000 + 2 * index}/tcp`).join(',');
const pairUsage = 'usage: controller pair [options] <backend>; more with --help';

/** Files of wrong content, by name below `/run/wrong`. */
export const wrongFiles = {
  'unknown-key.json': '{"lsten": "[::]:7700"}',
  'bad-listen.json': '{"listen": "abc"}',
  'bad-port.json': '{"wireguardPort": 99999}',
  'no.json': '{listen}',
  'empty-token': '\n',
} as const;

/** Where no daemon runs. */
export const alone: readonly WrongInput[] = [
  wrong('controller serve --listen abc', '--listen "abc" is not an address and port', anyListen),
  wrong('controller serve --listen 99999', `--listen: 99999 ${noPort}`, anyListen),
  wrong('controller serve --listen 8443', '[::]:8443 is taken by another program', /sport = :8443.*another --listen/),
  wrong(
    'controller serve --listen 198.51.100.99:7700',
    /^cannot listen on 198\.51\.100\.99:7700: /,
    /another --listen/,
    { at: 'relay2' },
  ),
  wrong(
    'controller serve --endpoint http://a.example',
    '--endpoint "http://a.example" is not a host or URL',
    anyEndpoint,
  ),
  wrong('controller serve --endpoint 2001:db8::1', /"2001:db8::1" is not a host/, 'example: --endpoint [2001:db8::1]'),
  wrong(
    'controller serve --endpoint a.example:0',
    `--endpoint: "0" ${noPort}`,
    'example: --endpoint relay.example.org:7700',
  ),
  wrong(
    'controller serve --wireguard-port abc',
    `--wireguard-port: "abc" ${noPort}`,
    'example: --wireguard-port 51820',
  ),
  wrong('controller serve --pool foo', '--pool: "foo" is not an IPv4 prefix such as 192.168.1.0/24', anyPool),
  wrong('controller serve --pool 8.8.8.0/24', /^--pool 8\.8\.8\.0\/24 is not private/, anyPool),
  wrong('controller serve --pool 10.0.0.0/30', '--pool 10.0.0.0/30: the prefix must be between /8 and /28', anyPool),
  wrong('controller serve --config /run/wrong/none.json', /none\.json: no such file or directory$/, /--config/),
  wrong('controller serve --config /run/wrong', /\/run\/wrong: illegal operation on a directory$/, /--config/),
  wrong('controller serve --config /run/wrong/no.json', /^\/run\/wrong\/no\.json is not JSON: /, anyFile),
  wrong(
    'controller serve --config /run/wrong/unknown-key.json',
    /unknown-key\.json: Unrecognized key: "lsten"$/,
    anyFile,
  ),
  wrong('controller serve --config /run/wrong/bad-port.json', /bad-port\.json: wireguardPort: /, anyFile),
  wrong(
    'controller serve --config /run/wrong/bad-listen.json',
    /bad-listen\.json: listen "abc" is not an address and port$/,
    /listen \[::\]:7700$/,
  ),
  wrong(
    'controller --state-dir /run/wrong/no.json serve',
    '/run/wrong/no.json is not a directory',
    /--state-dir/,
    badState,
  ),
  wrong(
    'controller --state-dir /run/open serve',
    /^\/run\/open can be read by others/,
    'chmod 700 /run/open',
    badState,
  ),
  wrong(
    'controller --state-dir /run/foreign serve',
    /^\/run\/foreign belongs to user 65534/,
    'chown -R 0 /run/foreign',
    badState,
  ),
  wrong(
    'controller --state-dir /run/damaged serve',
    /^\/run\/damaged\/controller\.json is damaged/,
    /controller\.json\.previous/,
    badState,
  ),
  wrong('controller plan', /must run as root$/, 'try: sudo controller plan', nobody),
  wrong('controller down', /must run as root$/, 'try: sudo controller down', nobody),
  wrong('controller pair', "missing required argument 'backend'", pairUsage),
  wrong('controller pair home nas', /^too many arguments/, pairUsage),
  wrong('controller pair home --forwrd 80/tcp', "unknown option '--forwrd'", pairUsage),
  wrong('controller pair home --forward', /'--forward <spec>' argument missing$/, pairUsage),
  wrong(
    'controller forward add home',
    "missing required argument 'spec'",
    /forward add \[options\] <backend> <spec\.\.\.>/,
  ),
  wrong('controller forward drop home', "unknown command 'drop'", 'commands: add, remove, list; more with --help'),
  wrong('agent stauts', "unknown command 'stauts'", /^commands: enroll, run, install, status, /),
  wrong('agent leave', 'this backend is paired with no relay', 'nothing to leave'),
  wrong('agent enroll', 'no token was given', /controller pair NAME.*agent enroll$/, input('\n')),
  wrong(
    'agent enroll',
    /another version of homeward/,
    /same version at the relay and at the backend/,
    input('hw2_abc'),
  ),
  wrong('agent enroll', /^the token is cut off or mistyped/, anyToken, input('hw1_abc')),
  wrong('agent enroll --token-file /run/wrong/none', /\/run\/wrong\/none: no such file or directory$/, aTokenFile),
  wrong(
    'agent enroll --token-file /run/wrong/empty-token',
    'the token file /run/wrong/empty-token is empty',
    aTokenFile,
  ),
  wrong('agent enroll --timeout 5', `--timeout "5" ${noDuration}`, 'example: --timeout 10m'),
  wrong('agent enroll --gateway 10.8.0.1', '--gateway belongs to a device', 'add --device, for example --device tun0'),
  wrong('agent enroll --device tun0 --gateway nonsense', '--gateway "nonsense" is not an IP address', aGateway),
  wrong('agent enroll --device tun0;reboot', '"tun0;reboot" is not a device name', aDevice),
  wrong('agent run --gateway 10.8.0.1', '--gateway belongs to a device', 'add --device, for example --device tun0'),
  wrong('agent device', "missing required argument 'device'", /^usage: agent device .*<device>/),
  wrong('agent device tun0 --gateway nonsense', '--gateway "nonsense" is not an IP address', aGateway),
  wrong('agent device tun0/0', '"tun0/0" is not a device name', aDevice),
  wrong('agent enroll', /must run as root$/, 'try: sudo agent enroll', nobody),
  wrong('agent run', /^that is not a homeward token/, anyToken, {
    options: { env: { HOMEWARD_TOKEN: 'abc' } },
    at: 'backend2',
  }),
  wrong('agent run hw1_abc', /does not belong on the command line/, /^run agent enroll and paste it/),
];

/** Where a controller runs that has no backend. */
export const besideController: readonly WrongInput[] = [
  wrong('controller forward add home 80/tcp', 'there is no backend named "home"', 'pair one: controller pair home'),
  wrong('controller probe', 'no backend is paired yet', 'pair one: controller pair home'),
  wrong('controller pair new --no-wait --forward http/tcp', `forward "http/tcp": "http" ${noPort}`, anySpec),
  wrong('controller pair new --no-wait --forward 0/tcp', `forward "0/tcp": "0" ${noPort}`, anySpec),
  wrong('controller pair new --no-wait --forward 6000-5000/tcp', /range 6000-5000 runs backwards$/, /^write 5000-6000/),
  wrong('controller pair new --no-wait --forward 443:80/tcp', /"443:80" has a ":" where a "=" belongs$/, /443=80/),
  wrong('controller pair new --no-wait --forward 80=nas.local:80/tcp', /"nas\.local" is not an .*address$/, anySpec),
  wrong('controller pair new --no-wait --forward 443,444/tcp', /^forward "443,444\/tcp": /, anySpec),
  wrong('controller pair new --no-wait --forward 80-90=8080/tcp', /differ in length$/, anySpec),
  wrong(
    'controller pair new --no-wait --forward 443/',
    /"" is not a protocol$/,
    'write 443/tcp, 443/udp or 443/tcp+udp',
  ),
  wrong('controller forward add home 80=81=82/tcp', /more than one "="$/, 'write PUBLIC=TARGET/PROTO'),
  wrong('controller probe --forward 443', 'forward "443" lacks the protocol', 'write 443/tcp'),
  wrong('controller pair new --no-wait --except 25/tcp', '--except is for the forward all, and there is none', forAll),
  wrong('controller forward add home 80/tcp --except 25/tcp', /^--except is for the forward all/, forAll),
  wrong('controller forward add home all --except', /'--except <ports>' argument missing$/, /^usage: .* forward add /),
  wrong("controller forward add home all --except ''", `--except: "" ${noException}`, anException),
  wrong('controller forward add home all --except ssh', `--except: "ssh" ${noException}`, anException),
  wrong('controller forward add home all --except ssh/tcp', `--except: "ssh" ${noPort}`, anException),
  wrong('controller forward add home all --except 25', `--except: "25" ${noException}`, anException),
  wrong('controller forward add home all --except 25/icmp', `--except: "25/icmp" ${noException}`, anException),
  wrong('controller forward add home all --except 25/tcp,70000/udp', `--except: 70000 ${noPort}`, anException),
  wrong('controller forward add home all --except 26=25/tcp', `--except: "26=25" ${noPort}`, anException),
  wrong(
    'controller forward add home all --except 6000-5000/tcp',
    '--except: range 6000-5000 runs backwards',
    'write 5000-6000',
  ),
  wrong(
    `controller forward add home all --except ${evenPorts}`,
    /: too many exceptions for one forward$/,
    'join them to ranges, for example 5000-6000/tcp+udp',
  ),
  wrong(
    'controller forward remove home all --except 25/tcp',
    "unknown option '--except'",
    /^usage: .* forward remove /,
  ),
  wrong('controller pair Home --no-wait', '"Home" is not a backend name', anyName),
  wrong(`controller pair ${'x'.repeat(33)} --no-wait`, /^"x{33}" is not a backend name$/, anyName),
  wrong("controller pair '' --no-wait", '"" is not a backend name', anyName),
  wrong('controller pair new --no-wait --expires 1w', `--expires "1w" ${noDuration}`, 'example: --expires 10m'),
  ...['2', '1s', '11m'].map((time) =>
    wrong(
      `controller pair new --tunnel gre --confirm-timeout ${time}`,
      `--confirm-timeout "${time}" is not a duration between 5s and 10m`,
      'example: --confirm-timeout 1m; so long clients wait when the new tunnel does not work',
    ),
  ),
  wrong('controller pair new --timeout 0s', `--timeout "0s" ${noDuration}`, 'example: --timeout 10m'),
  wrong('controller pair new --tunnel openvpn', '--tunnel "openvpn" is not a tunnel', aTunnel),
  wrong('controller pair new --tunnel ipsec', '--tunnel "ipsec" is not a tunnel', aTunnel),
  wrong('controller pair new --udp', '--udp belongs to GRE', forGre),
  wrong('controller pair new --tunnel wireguard --udp', '--udp belongs to GRE', forGre),
  wrong('controller pair new --key 1', '--key belongs to GRE', forGre),
  wrong('controller pair new --tunnel external --device tun0 --key 1', '--key belongs to GRE', forGre),
  wrong('controller pair new --tunnel gre --key x', '--key "x" is not a number from 0 to 4294967295', aKey),
  wrong('controller pair new --tunnel gre --key 4294967296', /^--key "4294967296" is not a number/, aKey),
  wrong('controller pair new --tunnel gre --key -1', /^--key "-1" is not a number/, aKey),
  wrong('controller pair new --device tun0', '--device belongs to an external tunnel', forExternal),
  wrong('controller pair new --tunnel gre --device tun0', '--device belongs to an external tunnel', forExternal),
  wrong('controller pair new --tunnel external', /^an external tunnel needs the device/, aDeviceHere),
  wrong('controller pair new --tunnel external --device tun0;reboot', '"tun0;reboot" is not a device name', aDevice),
  wrong('controller pair new --tunnel external --device %d', '"%d" is not a device name', aDevice),
  wrong('controller status', 'not allowed to talk to the controller daemon', 'run as root', nobody),
];

/** Where the backend `home` is paired, with 80/tcp and 81/udp, and both daemons run. */
export const besidePairing: readonly WrongInput[] = [
  wrong('controller forward remove home 443/tcp', 'backend "home" has no forward 443/tcp', 'it has: 80/tcp 81/udp'),
  wrong('controller forward remove home 80/udp', 'backend "home" has no forward 80/udp', 'it has: 80/tcp 81/udp'),
  wrong(
    'controller forward add home 80=8080/tcp',
    /already goes to backend "home" \(80\/tcp\)$/,
    'free it: controller forward remove home 80/tcp',
  ),
  wrong('controller probe home --forward 443/tcp', 'no forward 443/tcp to probe', 'list them: controller status'),
  wrong('controller unpair hom', 'there is no backend named "hom"', 'paired are: home'),
  wrong('agent run', 'another agent daemon runs in this network namespace', /^see it with: agent status/),
  wrong('agent leave nobody', 'there is no single relay "nobody"', /^name it by its slot: home \(slot 1, /),
  wrong('agent device tun0 nobody', 'there is no single relay "nobody"', /^name it by its slot: home \(slot 1, /),
  wrong('agent status', 'not allowed to talk to the agent daemon', 'run as root', nobody),
];

/** What the token of the pairing there is is answered, in every way it can be given wrongly. */
export const withToken = (token: string): readonly WrongInput[] => [
  wrong('agent enroll', 'this backend is already paired with that relay, as "home"', /agent leave home$/, input(token)),
  wrong('agent enroll', /space or a line break inside$/, 'paste it as one line', input(`${token}\n${token}`)),
  wrong('agent enroll', /^that is not a homeward token/, anyToken, input(`"${token}"`)),
  wrong(
    'agent enroll --allow ssh',
    '--allow: "ssh" is neither all nor a port such as 443/tcp',
    /443\/tcp$/,
    input(token),
  ),
  wrong(
    'agent enroll --allow-lan nas',
    /^--allow-lan: "nas" is not an .*prefix such as /,
    /192\.168\.1\.0\/24$/,
    input(token),
  ),
];
