/** The quickstart of docs/connectors/files.md does what it says. */
import { execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { temporaryDirectory } from '../../server/journal/support.ts';
import { blocksOf, eventually, replaced, shows, withServer } from './support.ts';

it('files.md', async () => {
  const directory = temporaryDirectory('files-page');
  const place = join(directory.path, 'logs');
  const [commands = '', statements = '', keyed = ''] = blocksOf('files.md');
  execFileSync('sh', ['-ec', replaced(commands, '/tmp/logs', place)]);
  await withServer(async (client) => {
    await client.tags(replaced(statements, '/tmp/logs', place));
    const { query, row } = shows('files.md');
    await eventually(() => client.rows(query), [row]);
    appendFileSync(join(place, 'b.jsonl'), '{"path": "/x", "status": 200}\n');
    await eventually(() => client.rows(query), [['200', '2']]);
    await client.tags(replaced(keyed, '/tmp/logs', place));
    await eventually(
      () => client.rows('SELECT file, at, path FROM visits ORDER BY file'),
      [
        ['a.jsonl', '0', '/'],
        ['b.jsonl', '0', '/x'],
      ],
    );
  });
  directory.remove();
});
