/** Every lookup connector. */
import type { LookupConnector } from './lookup.ts';
import { postgresLookup } from './postgres/lookup.ts';
import { redisLookup } from './redis/lookup.ts';

export const lookupConnectors: readonly LookupConnector[] = [postgresLookup, redisLookup];
