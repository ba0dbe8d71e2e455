/** The statements of the pages of sinks: what they have, and what of it tests run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../harness/server.ts';

function textOf(page: string): string {
  return readFileSync(join(root, 'docs/connectors', page), 'utf8');
}

/** Blocks of SQL, in order. */
export function sqlBlocks(page: string): readonly string[] {
  return [...textOf(page).matchAll(/^ *```sql\n(.*?)^ *```/gms)].map(([, block = '']) => block);
}

/** Statements in the prose that name what they are about, and clauses with options. Ellipses stand for values. */
export function inlineStatements(page: string): readonly string[] {
  const prose = textOf(page)
    .replace(/^ *```.*?^ *```/gms, '')
    .replaceAll('\n', ' ');
  const found = [...prose.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
  return [
    ...new Set(
      found.filter((code) => /^(CREATE|ALTER|REPLACE|DROP) \w+ .|^SELECT .|^FORMAT .*\(/.test(code)),
    ),
  ];
}

/** What tests run of each page; one that has more fails (sinkDocs.test.ts). */
export const statementsRun: Readonly<
  Record<string, { readonly blocks: number; readonly inline: readonly string[] }>
> = {
  'file-sink.md': { blocks: 2, inline: ['ALTER SINK ... RESUME'] },
  'http-sink.md': {
    blocks: 1,
    inline: [
      'ALTER SINK ... RESUME',
      'ALTER SINK orders_out CONNECTOR WITH (url = ..., headers.authorization = ...)',
    ],
  },
  'kafka-sink.md': { blocks: 2, inline: [] },
  'postgres-sink.md': { blocks: 1, inline: ['SELECT * FROM totals', 'ALTER SINK ... RESUME'] },
  'redis-sink.md': {
    blocks: 1,
    inline: [
      "FORMAT UPSERT ENCODE TEMPLATE (key_format = 'user:{id}', value_format = '{first} {last}')",
      'ALTER SINK totals_out RESUME',
      "ALTER SINK totals_out CONNECTOR WITH (redis.url = '...', redis.password = '...')",
    ],
  },
};
