/** What must hold of a server that was killed and started again. Every breach is an error that says what. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Knowledge, linesIn, recomputed, windowOf } from './load.ts';

const WAIT_MS = 30_000;

export class Breach extends Error {
  override readonly name = 'Breach';
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Breach(what);
}

async function rowsOf(client: pg.Client, sql: string): Promise<readonly (readonly (string | null)[])[]> {
  const { rows } = await client.query({ text: sql, rowMode: 'array' });
  return (rows as readonly (readonly unknown[])[]).map((row) =>
    row.map((value) => (value === null || value === undefined ? null : String(value))),
  );
}

async function numbers(client: pg.Client, sql: string): Promise<readonly number[]> {
  return (await rowsOf(client, sql)).map(([first]) => Number(first));
}

/** Timestamps as they are written. */
const asText = { getTypeParser: () => (text: unknown) => text };

/** Each acknowledged row once, each in doubt once or not at all, none that nobody wrote. */
async function checkLog(client: pg.Client, knowledge: Knowledge): Promise<readonly number[]> {
  const ids = await numbers(client, 'SELECT id FROM log ORDER BY id');
  const there = new Set(ids);
  expect(there.size === ids.length, `${ids.length - there.size} rows of the log are there twice`);
  for (const [set, how] of [
    [knowledge.acknowledged, 'on'],
    [knowledge.acknowledgedOff, 'off'],
  ] as const) {
    const lost = [...set].filter((id) => !there.has(id));
    expect(
      lost.length === 0,
      `acknowledged with synchronous_commit = ${how}, and lost: ${lost.slice(0, 10).join(', ')}`,
    );
  }
  for (const id of there) {
    const known =
      knowledge.acknowledged.has(id) || knowledge.acknowledgedOff.has(id) || knowledge.doubtful.has(id);
    expect(known, `row ${id} of the log was refused, and is there`);
  }
  // From now on it is known.
  for (const id of knowledge.doubtful) if (there.has(id)) knowledge.acknowledged.add(id);
  knowledge.doubtful.clear();
  const [counted] = await numbers(client, 'SELECT sum(n) FROM account');
  expect(
    counted === ids.length,
    `the accounts have counted ${counted} transactions, the log has ${ids.length}`,
  );
  return ids;
}

async function checkItems(client: pg.Client, knowledge: Knowledge): Promise<void> {
  const there = new Map(
    (await rowsOf(client, 'SELECT id, state FROM item')).map(([id, s]) => [Number(id), Number(s)]),
  );
  for (const [id, possible] of knowledge.items) {
    const state = there.get(id) ?? null;
    expect(possible.includes(state), `item ${id} is ${state}, it should be ${possible.join(' or ')}`);
    knowledge.items.set(id, [state]);
  }
  for (const id of there.keys()) expect(knowledge.items.has(id), `nobody wrote item ${id}`);
}

async function checkViews(client: pg.Client): Promise<void> {
  for (const view of recomputed) {
    const [row] = await rowsOf(client, `SELECT definition FROM pg_matviews WHERE matviewname = '${view}'`);
    const definition = (row?.[0] ?? '').replace(/;\s*$/, '');
    const body = definition.replace(/^CREATE MATERIALIZED VIEW \S+ AS /i, '');
    const text = (rows: readonly (readonly (string | null)[])[]): readonly string[] =>
      rows.map((r) => r.join('|')).sort();
    const stored = text(await rowsOf(client, `SELECT * FROM ${view}`));
    const fresh = text(await rowsOf(client, body));
    const same = stored.length === fresh.length && stored.every((line, i) => line === fresh[i]);
    const surplus = stored.filter((line) => !fresh.includes(line)).slice(0, 5);
    expect(same, `view ${view} has ${stored.length} rows, its query ${fresh.length}: ${surplus.join('; ')}`);
  }
}

/** Every line of the file once, and each window that has closed right. */
async function checkLines(client: pg.Client, files: string, knowledge: Knowledge): Promise<void> {
  const lines = linesIn(files);
  const until = Date.now() + WAIT_MS;
  for (;;) {
    const [row] = await rowsOf(client, 'SELECT n, ids, total FROM line_count');
    const [n, ids, total] = (row ?? []).map(Number);
    expect((n ?? 0) <= lines, `${lines} lines are in the file, ${n} have been counted`);
    expect(n === ids, `${n} lines are ${ids} different ones`);
    if (n === lines) {
      expect(
        lines === 0 || total === knowledge.linesTotal,
        `the lines sum up to ${total}, not to ${knowledge.linesTotal}`,
      );
      break;
    }
    expect(Date.now() < until, `of ${lines} lines ${n} have been read`);
    await sleep(20);
  }
  for (const [start, n, total] of await rowsOf(client, 'SELECT window_start, n, total FROM line_windows')) {
    const window = knowledge.windows.get(windowOf(start ?? ''));
    expect(
      window !== undefined && window.n === Number(n) && window.total === Number(total),
      `window ${start} has ${n} lines and ${total}, it should have ${window?.n} and ${window?.total}`,
    );
  }
  const [late] = await numbers(client, 'SELECT count(*) FROM millrace_late.line');
  expect(late === 0, `${late} lines came late`);
}

/** The ids in the parts of the sink, each once. */
function sinkIds(directory: string): readonly number[] {
  if (!existsSync(directory)) return [];
  const ids: number[] = [];
  for (const name of readdirSync(directory).sort()) {
    if (name.startsWith('.')) continue;
    for (const line of readFileSync(join(directory, name), 'utf8').split('\n')) {
      if (line !== '') ids.push(Number((JSON.parse(line) as { readonly id: unknown }).id));
    }
  }
  return ids;
}

async function checkSink(directory: string, log: readonly number[]): Promise<void> {
  const until = Date.now() + WAIT_MS;
  const wanted = new Set(log);
  for (;;) {
    const ids = sinkIds(directory);
    const there = new Set(ids);
    expect(there.size === ids.length, `${ids.length - there.size} results are in the sink twice`);
    for (const id of there) expect(wanted.has(id), `result ${id} is in the sink, not in the log`);
    if (there.size === wanted.size) return;
    expect(Date.now() < until, `of ${wanted.size} results ${there.size} are in the sink`);
    await sleep(20);
  }
}

/** Checks everything while nobody writes. */
export async function check(
  url: string,
  files: string,
  sink: string | null,
  knowledge: Knowledge,
): Promise<number> {
  const client = new pg.Client({ connectionString: url, types: asText });
  await client.connect();
  try {
    const ids = await checkLog(client, knowledge);
    await checkItems(client, knowledge);
    await checkLines(client, files, knowledge);
    await checkViews(client);
    if (sink !== null) await checkSink(sink, ids);
    return ids.length;
  } finally {
    await client.end();
  }
}
