/** `sctp-answer`: started by socat for each packet, answers an SCTP client's first one with the address that socat saw it come from. */
import { initAck } from '../sctp.js';

process.stdout.write(initAck(process.env['SOCAT_PEERADDR'] ?? ''));
