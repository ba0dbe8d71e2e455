/**
 * Whatever views do, it makes no difference where their state is: after each statement, each batch that a view is given and each
 * round of sources random blocks of every structure are set aside or put away.
 */
import { describe, expect, it, vi } from 'vitest';
import type { BlockMarks, BlockOwner } from '../../../storage/state/persist.ts';

type Persist = typeof import('../../../storage/state/persist.ts');

/** The marks of all blocks that the watched database has made; those of ad-hoc queries live too short. */
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

const { must } = await import('../../../common/assert.ts');
const { createDatabase } = await import('../../../server/serve.ts');
const { DifferentialRun } = await import('../../differential/run.ts');
const { localTarget } = await import('../../differential/target.ts');
const { evict, MemoryStore } = await import('../../harness/eviction.ts');
const { createViews, engineWithSources, lines } = await import('../../nexmark/harness.ts');
const { queryNames } = await import('../../../bench/support/nexmarkQueries.ts');
const { Random } = await import('./random.ts');

function evictor(seed: number, share: number) {
  const random = new Random(seed);
  const store = new MemoryStore(() => must<Uint8Array<ArrayBuffer>>(null));
  return { store, run: () => evict(watched.marks, store, () => random.below(share) === 0) };
}

describe('views with state that is away', () => {
  it.each([
    [3, 1],
    [4, 1],
    [5, 2],
    [6, 2],
  ])('give what they give otherwise: seed %i, one in %i blocks', async (seed, share) => {
    watched.marks = [];
    const { store, run } = evictor(seed, share);
    const [other, database] = [createDatabase(), createDatabase()];
    const target = localTarget(database);
    const actual: typeof target = {
      ...target,
      run: async (sql) => {
        watched.isOn = !sql.startsWith('SELECT');
        const answer = await target.run(sql);
        watched.isOn = false;
        run();
        return answer;
      },
    };
    // Views are built over what is there in batches, and room is made between them.
    const push = database.dataflow.push.bind(database.dataflow);
    database.dataflow.push = (...batch) => {
      push(...batch);
      run();
    };
    await new DifferentialRun(localTarget(other), actual).run({ seed, queries: 8, batches: 4 });
    expect(store.fetches).toBeGreaterThan(100);
    other.close();
    database.close();
  });

  it('of Nexmark are the same', async () => {
    watched.marks = [];
    const { store, run } = evictor(1, 1);
    const plain = await engineWithSources(2000);
    await createViews(plain);
    while (await plain.database.pollSources());
    watched.isOn = true;
    const engine = await engineWithSources(2000);
    await createViews(engine);
    do run();
    while (await engine.database.pollSources());
    watched.isOn = false;
    expect(store.fetches).toBeGreaterThan(100);
    for (const name of queryNames()) {
      const sql = `SELECT * FROM ${name}`;
      expect(await lines(engine, sql), name).toEqual(await lines(plain, sql));
    }
    engine.database.close();
    plain.database.close();
  });
});
