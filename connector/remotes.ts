/** Every remote source connector. */
import type { RemoteConnector } from './remote.ts';

export const remoteConnectors: readonly RemoteConnector[] = [];
