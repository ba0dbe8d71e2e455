/** docs/connectors/secrets.md: its example works as written. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root, startInProcess } from '../../harness/server.ts';
import { Connection } from '../clients.ts';

it('has an example that works', async () => {
  const text = readFileSync(join(root, 'docs/connectors/secrets.md'), 'utf8');
  const [make = '', change = ''] = [...text.matchAll(/^```sql\n(.*?)^```/gms)].map((m) => m[1] ?? '');
  const [, path = ''] = /curl http:\/\/127\.0\.0\.1:5691(\S+)/.exec(text) ?? [];
  const [, body = ''] = /-d '(.*)'/.exec(text) ?? [];
  const server = await startInProcess();
  const client = new Connection(server.url);
  await client.client.connect();
  const post = async (token: string): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` };
    const request = { method: 'POST', headers, body };
    return (await fetch(`http://127.0.0.1:${server.httpPort}${path}`, request)).status;
  };
  await client.tags(make);
  expect(client.notices).toEqual([]);
  expect(await post('open-sesame')).toBe(200);
  await client.tags(change);
  expect(await post('open-sesame')).toBe(401);
  expect(await post('another')).toBe(200);
  expect(await client.rows('SELECT * FROM per_item')).toEqual([['tea', '2']]);
  await client.end();
  await server.close();
});
