/** Every kind of server that tests need, by name: `npm run servers -- NAME` starts one. */
import { kafka } from './kafka.ts';
import { mosquitto } from './mosquitto.ts';
import { nats } from './nats.ts';
import { redisServer } from './redis.ts';
import { schemaRegistry } from './registry.ts';
import type { ServerKind } from './server.ts';

export const serverKinds: readonly ServerKind[] = [kafka, mosquitto, nats, redisServer, schemaRegistry];
