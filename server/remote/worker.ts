/** The thread in which readers of remote sources run and messages are decoded. */
import { parentPort } from 'node:worker_threads';
import { must } from '../../common/assert.ts';
import { remoteConnectors } from '../../connector/remotes.ts';
import { Feeds } from './feed.ts';
import { carryOut } from './host.ts';
import type { FeedRequest } from './protocol.ts';

const port = must(parentPort);

const feeds = new Feeds(
  remoteConnectors,
  () => BigInt(Date.now()) * 1000n,
  (answer, transfer) => port.postMessage(answer, transfer === undefined ? [] : [transfer]),
);

port.on('message', (request: FeedRequest) => carryOut(feeds, request));
