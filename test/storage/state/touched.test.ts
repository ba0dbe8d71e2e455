/**
 * Whoever writes into state touches the block before: in every structure of a database, whatever its views do. After each
 * statement all blocks are frozen; a block that is touched must still be as it was then, one that was not must be still.
 */
import { describe, expect, it, vi } from 'vitest';
import type { BlockMarks, BlockOwner, Freezer } from '../../../storage/state/persist.ts';

type Persist = typeof import('../../../storage/state/persist.ts');

/** The marks of all blocks that the watched database has made; those of ad-hoc queries live too short to be watched. */
const watched = vi.hoisted((): { marks: BlockMarks[]; isOn: boolean } => ({ marks: [], isOn: false }));

vi.mock('../../../storage/state/persist.ts', async (original) => {
  const persist = await original<Persist>();
  class KnownMarks extends persist.BlockMarks {
    constructor(owner: BlockOwner) {
      super(owner);
      if (watched.isOn) watched.marks.push(this);
    }
  }
  return { ...persist, BlockMarks: KnownMarks };
});

const { packBlock } = await import('../../../storage/state/persist.ts');
const { createDatabase } = await import('../../../server/serve.ts');
const { DifferentialRun } = await import('../../differential/run.ts');
const { localTarget } = await import('../../differential/target.ts');
const { createViews, engineWithSources } = await import('../../nexmark/harness.ts');

/** Freezes all that is known; compares what is handed over with what it was. */
class Watch implements Freezer {
  readonly #frozen = new Map<BlockMarks, Map<number, Uint8Array>>();
  frozen = 0;
  taken = 0;

  #expectSame(marks: BlockMarks, b: number, before: Uint8Array): void {
    const now = packBlock(marks.owner.blockParts(b));
    const { name } = marks.owner.constructor;
    expect(Buffer.compare(now, before), `block ${b} of ${name} is written to without touch`).toBe(0);
  }

  take(marks: BlockMarks, b: number): void {
    const before = this.#frozen.get(marks)?.get(b);
    if (before === undefined) throw new TypeError('a block is handed over once');
    this.#expectSame(marks, b, before);
    this.taken++;
  }

  /** Looks at what is still frozen, then freezes everything. */
  check(): void {
    for (const [marks, blocks] of this.#frozen) {
      for (const [b, before] of blocks) {
        if (!marks.isFrozen(b)) continue;
        this.#expectSame(marks, b, before);
        marks.thaw(b);
      }
    }
    this.#frozen.clear();
    let id = 0;
    for (const marks of watched.marks) {
      const count = marks.owner.blockCount();
      for (let b = 0; b < count; b++) marks.forget(b);
      const blocks = new Map<number, Uint8Array>();
      for (const b of marks.freeze(this, () => ++id)) blocks.set(b, packBlock(marks.owner.blockParts(b)));
      this.frozen += blocks.size;
      this.#frozen.set(marks, blocks);
    }
  }
}

describe('blocks are touched before they are written to', () => {
  it.each([1, 2])('by random views and changes: seed %i', async (seed) => {
    watched.marks = [];
    const watch = new Watch();
    const [other, database] = [createDatabase(), createDatabase()];
    const target = localTarget(database);
    const actual: typeof target = {
      ...target,
      run: async (sql) => {
        watched.isOn = !sql.startsWith('SELECT');
        const answer = await target.run(sql);
        if (watched.isOn) watch.check();
        watched.isOn = false;
        return answer;
      },
    };
    await new DifferentialRun(localTarget(other), actual).run({ seed, queries: 8, batches: 4 });
    watch.check();
    expect(watch.taken).toBeGreaterThan(100);
    other.close();
    database.close();
  });

  it('by aggregates that look at their groups', async () => {
    watched.marks = [];
    watched.isOn = true;
    const watch = new Watch();
    const database = createDatabase();
    const target = localTarget(database);
    const run = async (sql: string): Promise<void> => {
      expect(await target.run(sql)).toHaveProperty('rows');
      watch.check();
    };
    await run('CREATE TABLE t (id int PRIMARY KEY, k int, v int, x float8)');
    await run(`CREATE MATERIALIZED VIEW m AS SELECT k, count(DISTINCT v) AS a, min(v) AS b, max(v) AS c,
      array_agg(v ORDER BY v) AS d, sum(DISTINCT x) AS e, sum(x) AS f, avg(v) AS g,
      mode() WITHIN GROUP (ORDER BY v) AS h FROM t GROUP BY k`);
    await run('CREATE MATERIALIZED VIEW one AS SELECT count(*) AS a, sum(x) AS b, max(v) AS c FROM t');
    await run('INSERT INTO t SELECT i, i % 7, i % 50, i / 3.0 FROM generate_series(1, 500) AS s (i)');
    // Entries that stay: only their counts change.
    await run('INSERT INTO t VALUES (1001, 1, 1, 0.5)');
    await run('DELETE FROM t WHERE id = 1001');
    await run('UPDATE t SET v = 8 WHERE id = 1');
    await run('DELETE FROM t WHERE id % 2 = 0');
    await run('DELETE FROM t');
    expect(watch.taken).toBeGreaterThan(20);
    database.close();
  });

  it('by the Nexmark views', async () => {
    watched.marks = [];
    watched.isOn = true;
    const watch = new Watch();
    const engine = await engineWithSources(2000);
    await createViews(engine);
    do watch.check();
    while (await engine.database.pollSources());
    watch.check();
    expect(watch.taken).toBeGreaterThan(100);
    engine.database.close();
  });
});
