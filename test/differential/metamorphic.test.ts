/**
 * Metamorphic checks on views, without an oracle. Three-valued partitioning (TLP): the rows of a query are those where a
 * predicate is true, where it is false and where it is unknown; so are its groups and its distinct rows. NoREC: as many
 * rows pass a filter as have the condition true. All sides are materialised views, made before or between the changes,
 * and must agree after each random transaction.
 */
import { describe, expect, it } from 'vitest';
import { createDatabase } from '../../server/serve.ts';
import { Changes } from './changes.ts';
import { Expressions, type ScopeColumn } from './expressions.ts';
import { Random } from './random.ts';
import { createTable, randomTable, type Table } from './schema.ts';
import { localTarget, type Target } from './target.ts';

interface Source {
  readonly from: string;
  readonly columns: readonly ScopeColumn[];
}

const scopeOf = (table: Table, alias: string): readonly ScopeColumn[] =>
  table.columns.map(({ name, type, wide }) => ({ sql: `${alias}.${name}`, type, wide }));

function randomSource(tables: readonly Table[], random: Random): Source {
  const [a, b] = [random.pick(tables), random.pick(tables)];
  if (random.chance(0.4)) return { from: `${a.name} AS a`, columns: scopeOf(a, 'a') };
  const join = random.pick(['JOIN', 'LEFT JOIN', 'FULL JOIN']);
  const on = random.pick(['a.k = b.k', 'a.id = b.id', 'a.k = b.id']);
  return {
    from: `${a.name} AS a ${join} ${b.name} AS b ON ${on}`,
    columns: [...scopeOf(a, 'a'), ...scopeOf(b, 'b')],
  };
}

/** Views that must agree: their rows as text, put together and sorted. */
interface Law {
  readonly name: string;
  readonly predicate: string;
  readonly whole: string;
  readonly parts: readonly string[];
}

class Laws {
  readonly #target: Target;
  readonly #laws: Law[] = [];
  readonly #history: string[];
  #views = 0;

  constructor(target: Target, history: string[]) {
    this.#target = target;
    this.#history = history;
  }

  async run(sql: string): Promise<readonly (readonly (string | null)[])[]> {
    this.#history.push(sql);
    const answer = await this.#target.run(sql);
    if ('rows' in answer) return answer.rows;
    const { state, message } = answer.failure;
    throw new TypeError(`${state} ${message}\n${this.#history.join(';\n')}`);
  }

  /** A change, which may fail like any other. */
  async change(sql: string): Promise<void> {
    this.#history.push(sql);
    await this.#target.run(sql);
  }

  async #view(query: string): Promise<string> {
    const name = `m${this.#views++}`;
    await this.run(`CREATE MATERIALIZED VIEW ${name} AS ${query}`);
    return name;
  }

  async #law(name: string, predicate: string, whole: string, parts: readonly string[]): Promise<void> {
    const views: string[] = [];
    for (const part of parts) views.push(`SELECT * FROM ${await this.#view(part)}`);
    this.#laws.push({ name, predicate, whole: `SELECT * FROM ${await this.#view(whole)}`, parts: views });
  }

  /** The laws of a predicate over a source. */
  async add({ from, columns }: Source, p: string, random: Random): Promise<void> {
    const thirds = [`(${p})`, `NOT (${p})`, `(${p}) IS NULL`];
    const names = columns.map((c, i) => `${c.sql} AS c${i}`).join(', ');
    const rows = (where: string): string => `SELECT ${names} FROM ${from} WHERE ${where}`;
    await this.#law('rows', p, `SELECT ${names} FROM ${from}`, thirds.map(rows));
    const passed = `SELECT count(*) AS n FROM ${from} WHERE ${p}`;
    await this.#law('NoREC', p, passed, [
      `SELECT coalesce(sum(CASE WHEN ${p} THEN 1 ELSE 0 END), 0) AS n FROM ${from}`,
    ]);
    await this.#law('filter', p, passed, [`SELECT count(*) FILTER (WHERE ${p}) AS n FROM ${from}`]);
    const key = random.pick(columns.filter((c) => c.type !== 'jsonb')).sql;
    await this.#law('groups', p, `SELECT ${key} AS k, count(*) AS n FROM ${from} GROUP BY ${key}`, [
      `SELECT k, sum(n) AS n FROM (${thirds
        .map((third) => `SELECT ${key} AS k, count(*) AS n FROM ${from} WHERE ${third} GROUP BY ${key}`)
        .join(' UNION ALL ')}) AS parts GROUP BY k`,
    ]);
    await this.#law('distinct', p, `SELECT DISTINCT ${key} AS k FROM ${from}`, [
      thirds.map((third) => `SELECT ${key} AS k FROM ${from} WHERE ${third}`).join(' UNION '),
    ]);
    await this.#law('having', p, rows(`(${p})`), [
      `SELECT ${columns.map((_, i) => `c${i}`).join(', ')} FROM (SELECT ${names}, ${p} AS p FROM ${from}) AS x WHERE p`,
    ]);
  }

  /** The laws that do not hold. */
  async broken(): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const law of this.#laws) {
      const whole = shown(await this.run(law.whole));
      const parts: string[] = [];
      for (const part of law.parts) parts.push(...shown(await this.run(part)));
      parts.sort();
      if (whole.join('\n') === parts.join('\n')) continue;
      wrong.push(
        `${law.name}: ${law.predicate}\n${this.#history.filter((s) => !s.startsWith('SELECT')).join(';\n')}`,
      );
    }
    return wrong;
  }
}

const shown = (rows: readonly (readonly (string | null)[])[]): string[] =>
  rows.map((row) => row.map((v) => v ?? 'NULL').join('|')).sort();

async function check(seed: number): Promise<void> {
  const random = new Random(seed);
  const database = createDatabase();
  const target = localTarget(database);
  const history: string[] = [];
  const laws = new Laws(target, history);
  const tables = [randomTable('t0', random), randomTable('t1', random)];
  const changes = new Changes(random, tables);
  const expressions = new Expressions(random, null);
  for (const table of tables) await laws.run(createTable(table));
  for (const table of tables) await laws.run(changes.insert(table, 12));
  for (let batch = 0; batch < 8; batch++) {
    if (batch < 3) {
      const source = randomSource(tables, random);
      await laws.add(source, expressions.predicate(source.columns, 2), random);
    }
    expect(await laws.broken()).toEqual([]);
    for (const statement of changes.batch()) await laws.change(statement);
  }
  expect(await laws.broken()).toEqual([]);
  for (const table of tables) await laws.run(`DELETE FROM ${table.name}`);
  expect(await laws.broken()).toEqual([]);
  await target.close();
  database.close();
}

describe('metamorphic laws of views', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('seed %i', async (seed) => {
    await check(seed);
  });
});
