/** Every kind of server that tests need, by name: `node scripts/servers.ts NAME` starts one. */
import { kafka } from './kafka.ts';
import type { ServerKind } from './server.ts';

export const serverKinds: readonly ServerKind[] = [kafka];
