/** `listener NAME ADDRESS PORT`: a process of that name that listens on a TCP port and does nothing else. */
import { createServer } from 'node:net';

const [name = 'listener', address = '0.0.0.0', port = '0'] = process.argv.slice(2);
process.title = name;
createServer().listen(Number(port), address, () => process.stdout.write('ready\n'));
