/** The thread in which readers of remote sources run and messages are decoded. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { must } from '../../common/assert.ts';
import type { RemoteConnector } from '../../connector/remote.ts';
import { Feeds } from './feed.ts';
import { carryOut } from './host.ts';
import type { FeedRequest } from './protocol.ts';

const port = must(parentPort);
const { module } = workerData as { readonly module: string | null };
const { remoteConnectors } = (await import(module ?? '../../connector/remotes.ts')) as {
  readonly remoteConnectors: readonly RemoteConnector[];
};

const feeds = new Feeds(
  remoteConnectors,
  () => BigInt(Date.now()) * 1000n,
  (answer, transfer) => port.postMessage(answer, transfer === undefined ? [] : [transfer]),
  () => {
    for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
      carryOut(feeds, got.message as FeedRequest);
    }
  },
);

port.on('message', (request: FeedRequest) => carryOut(feeds, request));
