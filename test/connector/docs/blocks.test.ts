/**
 * Every block of code of the pages about sources and lookups is run by some test, which knows how many there are: who adds one says
 * here which test runs it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../harness/server.ts';
import { blocksOf } from './support.ts';

const here = 'test/connector/docs';

/** Blocks of each page, and the tests that run them. Null: the test counts them itself. */
const pages: Readonly<Record<string, readonly [blocks: number | null, ...tests: string[]]>> = {
  'README.md': [2, `${here}/servers.test.ts`],
  'dead-letters.md': [8, 'test/server/deadLetters/docs.test.ts', `${here}/prose.test.ts`],
  'files.md': [3, `${here}/files.test.ts`],
  'formats.md': [2, 'test/connector/kafka/registry.test.ts'],
  'kafka.md': [6, `${here}/kafka.test.ts`],
  'lookups.md': [7, `${here}/postgres.test.ts`],
  'mqtt.md': [2, `${here}/mqtt.test.ts`],
  'nats.md': [3, `${here}/nats.test.ts`],
  'postgres-cdc.md': [null, 'test/server/cdc/docs.test.ts', `${here}/postgresCdc.test.ts`],
  // The last one is what a server says without its key: test/server/secrets.
  'secrets.md': [4, 'test/server/secrets/docs.test.ts', `${here}/prose.test.ts`],
  'tls.md': [2, `${here}/tls.test.ts`],
  'webhook.md': [4, `${here}/webhook.test.ts`],
};

it.each(Object.entries(pages))('%s', (page, [blocks, ...tests]) => {
  if (blocks !== null) expect(blocksOf(page).length).toBe(blocks);
  for (const test of tests) expect(readFileSync(join(root, test), 'utf8')).toContain(page);
});

it('all pages are there; those of sinks have tests of their own', () => {
  const sinks = readdirSync(join(root, 'docs/connectors')).filter((name) => name.endsWith('-sink.md'));
  const all = readdirSync(join(root, 'docs/connectors'));
  expect([...Object.keys(pages), ...sinks].sort()).toEqual(all.sort());
});
