/** The quickstart and the example of VALIDATE of docs/connectors/webhook.md do what they say. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { blocksOf, replaced, shows, withServer } from './support.ts';

it('webhook.md', async () => {
  const [statements = '', command = '', validated = '', signed = ''] = blocksOf('webhook.md');
  await withServer(async (client, server) => {
    const post = async (text: string) => {
      const curl = replaced(text, '127.0.0.1:5691', `127.0.0.1:${server.httpPort}`);
      return JSON.parse((await promisify(execFile)('sh', ['-ec', curl])).stdout) as unknown;
    };
    await client.tags(statements);
    expect(await post(command)).toEqual({ accepted: 1, rejected: 0 });
    const { query, row } = shows('webhook.md');
    expect(await client.rows(query)).toEqual([row]);
    expect(await post(command)).toEqual({ accepted: 1, rejected: 0, repeated: true });
    expect(await client.rows(query)).toEqual([row]);
    await client.tags(validated);
    expect(await post(signed)).toEqual({ accepted: 1, rejected: 0 });
    expect(await post(replaced(signed, 'octocat', 'another'))).toEqual({
      error: 'VALIDATE refuses the request: it is false',
    });
    expect(await client.rows("SELECT data->>'pusher' FROM pushes")).toEqual([['ann']]);
  });
});
