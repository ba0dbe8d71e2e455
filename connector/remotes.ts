/** Every remote source connector. */

import { kafka } from './kafka/source.ts';
import { mqtt } from './mqtt/source.ts';
import { nats } from './nats/source.ts';
import type { RemoteConnector } from './remote.ts';

export const remoteConnectors: readonly RemoteConnector[] = [kafka, mqtt, nats];
