/** A real schema registry for a file of tests; null where none is installed (an error where servers are required). */
import { afterAll, beforeAll, expect } from 'vitest';
import { schemaRegistry } from '../../../scripts/servers/registry.ts';
import type { ServerProcess } from '../../../scripts/servers/server.ts';

export function useRegistry(): () => string | null {
  let server: ServerProcess | null = null;
  beforeAll(async () => {
    if (schemaRegistry.installed()) server = await schemaRegistry.start();
  }, 180_000);
  afterAll(() => server?.close());
  return () => {
    if (server === null) expect(process.env.MILLRACE_REQUIRE_SERVERS, schemaRegistry.needs).not.toBe('1');
    return server?.url ?? null;
  };
}
