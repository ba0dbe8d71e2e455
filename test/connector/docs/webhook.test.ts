/** The quickstart of docs/connectors/webhook.md does what it says. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { blocksOf, replaced, shows, withServer } from './support.ts';

it('webhook.md', async () => {
  const [statements = '', command = ''] = blocksOf('webhook.md');
  await withServer(async (client, server) => {
    await client.tags(statements);
    const curl = replaced(command, '127.0.0.1:5691', `127.0.0.1:${server.httpPort}`);
    const post = async () => JSON.parse((await promisify(execFile)('sh', ['-ec', curl])).stdout) as unknown;
    expect(await post()).toEqual({ accepted: 1, rejected: 0 });
    const { query, row } = shows('webhook.md');
    expect(await client.rows(query)).toEqual([row]);
    expect(await post()).toEqual({ accepted: 1, rejected: 0, repeated: true });
    expect(await client.rows(query)).toEqual([row]);
  });
});
