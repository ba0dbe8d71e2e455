/** The HTTP sink against a web server. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { httpSink } from '../../../connector/httpSink/sink.ts';
import { checkOptions } from '../../../connector/options.ts';
import { type SinkChange, type SinkConfig, SinkRefusal, type SinkWriter } from '../../../connector/sink.ts';

interface Got {
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
  readonly method: string;
}

let server: Server;
let url: string;
let got: Got[];
let answer: (request: Got, response: ServerResponse) => void;

beforeEach(async () => {
  got = [];
  answer = (_request, response) => void response.writeHead(204).end();
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const all = Buffer.concat(parts);
      const { headers, method = '' } = request;
      const body = (headers['content-encoding'] === 'gzip' ? gunzipSync(all) : all).toString();
      const one = { body, headers, method };
      got.push(one);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/in?x=1`;
});

afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

function open(
  options: Readonly<Record<string, string>>,
  more: Partial<SinkConfig> = {},
): Promise<SinkWriter> {
  return httpSink.open({
    identity: 'aa',
    name: 's',
    options: checkOptions(httpSink, new Map(Object.entries({ url, ...options }))),
    columns: [{ name: 'n', type: types.int4, nullable: false }],
    key: [0],
    format: 'PLAIN',
    encode: 'JSON',
    encodeOptions: new Map(),
    ...more,
  });
}

const rows = (...numbers: readonly number[]): readonly SinkChange[] =>
  numbers.map((n) => ({ before: null, after: [n] }));

async function deliver(writer: SinkWriter, ...epochs: readonly (readonly SinkChange[])[]): Promise<void> {
  await writer.recover();
  const transaction = await writer.begin(1n);
  for (const [i, changes] of epochs.entries()) {
    await transaction.write({ epoch: BigInt(i + 1), at: 0n, first: 0, changes });
  }
  await transaction.prepare(BigInt(epochs.length));
  await transaction.commit();
  await writer.close();
}

const ids = (): readonly unknown[] => got.map((g) => g.headers['idempotency-key']);

describe('http sink', () => {
  it('sends arrays of changes, in order, across epochs', async () => {
    await deliver(await open({ 'batch.rows': '2', 'headers.x-token': 't' }), rows(1, 2, 3), rows(4));
    expect(got.map((g) => g.body)).toEqual(['[{"n":1},{"n":2}]', '[{"n":3},{"n":4}]']);
    expect(ids()).toEqual(['aa-1-0..1-1', 'aa-1-2..2-0']);
    expect(got[0]?.headers).toMatchObject({ 'x-token': 't', 'content-type': 'application/json' });
    expect(got[0]?.method).toBe('POST');
  });

  it('sends lines, compressed, with ids', async () => {
    const options = { 'batch.format': 'ndjson', compression: 'gzip', id_field: '_id', method: 'PUT' };
    await deliver(await open(options), rows(1, 2));
    expect(got.map((g) => g.body)).toEqual(['{"_id":"aa-1-0","n":1}\n{"_id":"aa-1-1","n":2}\n']);
    expect(got[0]?.headers['content-type']).toBe('application/x-ndjson');
  });

  it('sends one change each, with keys', async () => {
    const changes: readonly SinkChange[] = [...rows(1), { before: [1], after: null }];
    await deliver(await open({ 'batch.format': 'row' }, { format: 'UPSERT' }), changes);
    expect(got.map((g) => g.body)).toEqual([
      '{"key":{"n":1},"value":{"n":1}}',
      '{"key":{"n":1},"value":null}',
    ]);
    expect(ids()).toEqual(['aa-1-0', 'aa-1-1']);
  });

  it('repeats what may pass, as Retry-After says, with the same key', async () => {
    const answers = [503, 429, 200];
    answer = (_request, response) => {
      const status = answers[got.length - 1] ?? 500;
      response.writeHead(status, status === 429 ? { 'retry-after': '0' } : {}).end('busy');
    };
    await deliver(await open({}), rows(1));
    expect(got).toHaveLength(3);
    expect(new Set(ids()).size).toBe(1);
  });

  it('gives up after its retries, with the answer', async () => {
    answer = (_request, response) => void response.writeHead(500).end('no\n  room');
    await expect(deliver(await open({ max_retries: '1' }), rows(1))).rejects.toMatchObject({
      state: '08006',
      message: expect.stringContaining('/in answered 500: no room'),
    });
    expect(got).toHaveLength(2);
  });

  it('takes another answer for a refusal', async () => {
    answer = (_request, response) => void response.writeHead(422).end(`bad ${'x'.repeat(1000)}`);
    const failure = await deliver(await open({ 'headers.authorization': 'Bearer s3cret' }), rows(1)).catch(
      (e: unknown) => e,
    );
    expect(failure).toBeInstanceOf(SinkRefusal);
    expect(String(failure)).toContain('answered 422: bad xxx');
    expect(String(failure).length).toBeLessThan(400);
    expect(String(failure)).not.toContain('s3cret');
    answer = (_request, response) => void response.writeHead(302, { location: '/elsewhere' }).end();
    await expect(deliver(await open({}), rows(1))).rejects.toBeInstanceOf(SinkRefusal);
  });

  it('waits for an answer no longer than it should', async () => {
    answer = () => {};
    await expect(
      deliver(await open({ timeout_seconds: '0.1', max_retries: '0' }), rows(1)),
    ).rejects.toMatchObject({ message: expect.stringContaining('failed: The operation was aborted') });
  });

  it('checks its options', async () => {
    await expect(open({ url: 'ftp://x' })).rejects.toMatchObject({ state: '22023' });
    await expect(open({ url: 'http://me:secret@x' })).rejects.toMatchObject({ state: '22023' });
    await expect(open({ 'headers.content-type': 'x' })).rejects.toMatchObject({ state: '22023' });
    await expect(open({ 'headers.a b': 'x' })).rejects.toMatchObject({ state: '22023' });
    await expect((await open({ url: 'http://127.0.0.1:1/' })).recover()).rejects.toMatchObject({
      state: '08001',
    });
  });
});
