/** CREATE SOURCE and CREATE TABLE without columns: inferred once, kept as if they had been written. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { types } from '../../../common/dataType.ts';
import { inferColumns } from '../../../connector/formats/infer.ts';
import type { RemoteRecord } from '../../../connector/remote.ts';
import { afterCrash, START, temporaryDirectory } from '../../server/journal/support.ts';
import {
  Broker,
  closeRemote,
  type OpenedRemote,
  openRemote,
  rowsOf,
  settle,
} from '../../server/remote/support.ts';
import { message } from './support.ts';

/** The broker of the tests of remote sources, with messages to look at. */
class SampledBroker extends Broker {
  sampled = 0;
  records: readonly RemoteRecord[] = [];

  constructor() {
    super();
    Object.assign(this.connector, {
      sample: () => {
        this.sampled++;
        return Promise.resolve(this.records);
      },
    });
  }
}

let place: ReturnType<typeof temporaryDirectory>;
let broker: SampledBroker;
let opened: OpenedRemote;

beforeEach(async () => {
  place = temporaryDirectory('infer');
  broker = new SampledBroker();
  broker.create('t');
  opened = await openRemote(broker, `${place.path}/data`, () => START);
});
afterEach(async () => {
  await closeRemote(opened);
  place.remove();
});

const run = (sql: string): Promise<readonly string[]> => rowsOf(opened, sql);
const WITH = "WITH (connector = 'memory', topic = 't')";
const row = { id: 1, Name: 'ann', at: { x: 1.5 }, tags: ['a'], n: null };

describe('columns that are not declared', () => {
  it('are those of the messages, also after a restart', async () => {
    broker.records = [message(JSON.stringify(row)), message('{"id":2.5}'), message('{bad')];
    await run(`CREATE SOURCE s ${WITH} FORMAT PLAIN ENCODE JSON`);
    await run(
      `CREATE TABLE u (*, PRIMARY KEY (id)) INCLUDE partition AS p ${WITH} FORMAT UPSERT ENCODE JSON`,
    );
    expect(broker.sampled).toBe(2);
    broker.json('t', [row]);
    await settle(opened);
    const [first] = await run('SELECT id, "Name", (at).x, tags, n FROM s');
    expect(first).toBe('1 | ann | 1.5 | {a} | NULL');
    const [definition] = await run('SHOW CREATE SOURCE s');
    expect(definition).toContain('"Name" text');
    opened.journal?.flush();
    const copy = afterCrash(`${place.path}/data`, 'again');
    await closeRemote(opened);
    opened = await openRemote(broker, copy, () => START);
    expect(broker.sampled).toBe(2);
    expect(await run('SELECT id, p FROM u')).toEqual(['1 | 0']);
  });

  it('are an error where nothing tells them', async () => {
    await expect(run(`CREATE SOURCE s ${WITH} FORMAT PLAIN ENCODE JSON`)).rejects.toThrow(
      'columns cannot be inferred: there are no messages to tell them by',
    );
  });

  it('take all values of the sample', async () => {
    const infer = (values: readonly unknown[]) =>
      inferColumns({
        format: 'PLAIN',
        encode: 'JSON',
        options: new Map(),
        topic: null,
        sample: () => Promise.resolve(values.map((v) => message(JSON.stringify(v)))),
      });
    expect(
      await infer([
        { a: 1, b: 1, c: 'x', d: [1] },
        { a: 2.5, b: 'x', c: null, d: [], e: true },
      ]),
    ).toEqual([
      { name: 'a', type: types.float8 },
      { name: 'b', type: types.jsonb },
      { name: 'c', type: types.text },
      { name: 'd', type: types.jsonb },
      { name: 'e', type: types.bool },
    ]);
  });
});
