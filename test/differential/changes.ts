/** Random INSERT, UPDATE and DELETE statements in random transactions, kept free of key conflicts by the generator. */
import { must } from '../../common/assert.ts';
import type { Random } from './random.ts';
import { columnValue, literal, type Table } from './schema.ts';

export class Changes {
  readonly #random: Random;
  readonly #tables: readonly Table[];
  #nextId = 1;

  constructor(random: Random, tables: readonly Table[]) {
    this.#random = random;
    this.#tables = tables;
  }

  insert(table: Table, rows: number): string {
    const values = Array.from({ length: rows }, () => {
      const id = this.#nextId++;
      return `(${table.columns.map((c) => (c.name === 'id' ? id : columnValue(c, this.#random))).join(', ')})`;
    });
    return `INSERT INTO ${table.name} VALUES ${values.join(', ')}`;
  }

  #condition(): string {
    const random = this.#random;
    return random.pick([
      () => `k = ${random.int(0, 5)}`,
      () => `id % ${random.int(2, 5)} = ${random.int(0, 1)}`,
      () => 'k IS NULL',
      () => `id IN (SELECT k FROM ${random.pick(this.#tables).name})`,
      () => `EXISTS (SELECT 1 FROM ${random.pick(this.#tables).name} AS x WHERE x.k = id)`,
      () => `id > ${Math.max(0, this.#nextId - random.int(2, 12))}`,
      () => (random.chance(0.3) ? 'true' : `id % 7 = ${random.int(0, 6)}`),
    ])();
  }

  #update(table: Table): string {
    const random = this.#random;
    const columns = random.some(table.columns.slice(1), 2);
    const set = columns.map((c) => {
      if (c.type === 'int4' && !c.wide && random.chance(0.4)) return `${c.name} = coalesce(k, 0) % 5 + 1`;
      return `${c.name} = ${c.name === 'k' ? random.int(0, 5) : random.chance(0.2) ? 'NULL' : literal(c.type, random)}`;
    });
    return `UPDATE ${table.name} SET ${set.join(', ')} WHERE ${this.#condition()}`;
  }

  #change(): string {
    const random = this.#random;
    const table = random.pick(this.#tables);
    const kind = random.next();
    if (kind < 0.47) return this.insert(table, random.int(1, 7));
    if (kind < 0.57) return table.hasKey ? this.#upsert(table) : this.insert(table, 2);
    if (kind < 0.63) return this.#move(table);
    if (kind < 0.82) return this.#update(table);
    if (kind < 0.98) return `DELETE FROM ${table.name} WHERE ${this.#condition()}`;
    return `DELETE FROM ${table.name}`;
  }

  /** Rows with known and new keys. */
  #upsert(table: Table): string {
    const random = this.#random;
    const known = [...new Set(Array.from({ length: 3 }, () => random.int(1, this.#nextId)))];
    this.#nextId += 1;
    const rows = known.map((id) => {
      const values = table.columns.map((c) => (c.name === 'id' ? id : columnValue(c, random)));
      return `(${values.join(', ')})`;
    });
    const set = random.some(table.columns.slice(1), 2).map((c) => `${c.name} = excluded.${c.name}`);
    const action = random.pick([
      'DO NOTHING',
      `DO UPDATE SET ${set.join(', ')}`,
      `DO UPDATE SET ${set.join(', ')} WHERE ${table.name}.k IS DISTINCT FROM excluded.k`,
    ]);
    return `INSERT INTO ${table.name} VALUES ${rows.join(', ')} ON CONFLICT (id) ${action}`;
  }

  /** Changes keys, and rows by other tables. */
  #move(table: Table): string {
    const random = this.#random;
    const other = random.pick(this.#tables.filter((t) => t !== table));
    const by = 1000 * random.int(1, 3);
    return random.pick([
      () => `UPDATE ${table.name} SET id = -id - ${by} WHERE id > 0 AND id % 3 = 1`,
      () =>
        `UPDATE ${table.name} SET k = q.m FROM (SELECT k AS id, max(id) % 6 AS m FROM ${other.name} GROUP BY k) AS q WHERE ${table.name}.k = q.id`,
      () => `DELETE FROM ${table.name} USING ${other.name} AS o WHERE o.k = ${table.name}.k AND o.id % 2 = 0`,
      () =>
        `UPDATE ${table.name} SET (k) = (SELECT min(k) FROM ${other.name} AS o WHERE o.id <= ${table.name}.id)`.replace(
          '(k) =',
          'k =',
        ),
    ])();
  }

  /** Some statements, sometimes as one transaction, sometimes one that is rolled back. */
  batch(): readonly string[] {
    const random = this.#random;
    const statements = Array.from({ length: random.int(1, 4) }, () => this.#change());
    const kind = random.next();
    if (kind < 0.4) return statements;
    if (kind < 0.75) return ['BEGIN', ...statements, 'COMMIT'];
    if (kind < 0.85) return ['BEGIN', ...statements, 'ROLLBACK'];
    const [first, ...rest] = statements;
    const outcome = random.pick(['ROLLBACK TO SAVEPOINT s', 'RELEASE SAVEPOINT s']);
    return ['BEGIN', must(first), 'SAVEPOINT s', ...rest, outcome, this.#change(), 'COMMIT'];
  }
}
