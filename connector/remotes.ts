/** Every remote source connector. */
import { mqtt } from './mqtt/source.ts';
import { nats } from './nats/source.ts';
import type { RemoteConnector } from './remote.ts';

export const remoteConnectors: readonly RemoteConnector[] = [mqtt, nats];
