/** The example of docs/connectors/dead-letters.md does what it says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../../harness/server.ts';
import { LetterPlace } from './support.ts';

it('the example', async () => {
  const page = readFileSync(join(root, 'docs/connectors/dead-letters.md'), 'utf8');
  const lines = /^```json\n(.*?)^```/ms.exec(page)?.[1] ?? '';
  const blocks = [...page.matchAll(/^```sql\n(.*?)^```(?:\n\n```text\n(.*?)^```)?/gms)];
  expect(blocks.length).toBe(4);
  const place = await LetterPlace.make();
  try {
    place.write('orders.json', lines);
    const shown: string[] = [];
    for (const [, sql = '', output] of blocks) {
      let rows: readonly string[] = [];
      for (const statement of sql.replace('/tmp/millrace-orders', place.input).split(/;\n/)) {
        if (statement.trim() !== '') rows = await place.text(statement);
      }
      await place.poll();
      if (output === undefined) continue;
      const wanted = output.trimEnd().split('\n');
      shown.push(...wanted);
      expect(rows).toEqual(wanted.map((line) => line.replaceAll('|  |', '| NULL |')));
    }
    expect(shown.length).toBe(5);
  } finally {
    place.close();
  }
});
