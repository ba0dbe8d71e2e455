/**
 * Structures under random ticks: a driver holds one and the test's own knowledge of what is in it, so that two drivers of
 * one seed do the same. `structure` may be exchanged for one that is restored.
 */
import { must } from '../../../common/assert.ts';
import { arrayOf, type DataType, types } from '../../../common/dataType.ts';
import { Decimal } from '../../../common/decimal.ts';
import { Interval } from '../../../common/interval.ts';
import { SqlArray } from '../../../common/sqlArray.ts';
import { valueStateCodec } from '../../../common/stateCodec.ts';
import type { Row, Value } from '../../../common/value.ts';
import { ByteArena } from '../../../storage/state/arena.ts';
import { Arrangement } from '../../../storage/state/arrangement.ts';
import { HashIndex } from '../../../storage/state/hashIndex.ts';
import { KeyCounts } from '../../../storage/state/keyCounts.ts';
import { KeyTable } from '../../../storage/state/keyTable.ts';
import { MinHeap } from '../../../storage/state/minHeap.ts';
import { OrderedIndex } from '../../../storage/state/orderedIndex.ts';
import type { Persistent, StateReader, StateWriter } from '../../../storage/state/persist.ts';
import { RelationStore } from '../../../storage/state/relationStore.ts';
import { RowOrder } from '../../../storage/state/rowOrder.ts';
import { RowStore } from '../../../storage/state/rowStore.ts';
import type { TimeBuckets } from '../../../storage/state/timeBuckets.ts';
import { batchOfRows } from '../../../storage/state/vector.ts';
import { Random } from './random.ts';

export interface Driver<S extends Persistent = Persistent> {
  structure: S;
  /** One tick of random changes. */
  tick(): void;
  /** All that can be read. */
  observe(): unknown;
}

export interface Subject {
  readonly name: string;
  readonly make: () => Persistent;
  readonly drive: (seed: number) => Driver;
  readonly ticks: number;
}

/** A subject whose `make` is typed. */
function subject<S extends Persistent>(
  name: string,
  ticks: number,
  make: () => S,
  drive: (structure: S, random: Random) => Driver<S>,
): Subject {
  return {
    name,
    ticks,
    make,
    // A restored structure is one that `make` made.
    drive: (seed) => drive(make(), new Random(seed)) as unknown as Driver,
  };
}

/** Up to `most` changes, or just a few, so that most blocks stay as they are. */
function some(random: Random, most: number): number {
  return random.below(2) === 0 ? random.below(most) : random.below(4);
}

/** Now and then everything goes, so that structures give their memory back. */
function grows(random: Random, size: number, largest: number): 'up' | 'down' | 'empty' {
  const x = random.below(100);
  if (x < 3) return 'empty';
  return size < largest && (size === 0 || x < 62) ? 'up' : 'down';
}

// --- values --------------------------------------------------------------------------------------------------------

const rowTypes: readonly DataType[] = [
  types.int8,
  types.text,
  types.numeric,
  types.bool,
  types.int4,
  types.float8,
  types.bpchar,
  types.interval,
  arrayOf(types.int4),
  types.timestamptz,
];

function text(random: Random): string {
  const x = random.below(500);
  if (x === 0) return 'long '.repeat(random.below(20_000));
  if (x < 50) return `naïve ${random.below(1000)}`;
  return 'abcdefgh'.repeat(random.below(6)) + random.below(50);
}

function decimal(random: Random): Decimal {
  const x = random.below(20);
  if (x === 0) return Decimal.NAN;
  if (x === 1) return new Decimal(10n ** 30n + BigInt(random.below(1000)), 3);
  return new Decimal(BigInt(random.below(100_000)), random.below(4));
}

function rowOf(random: Random): Row {
  const maybe = (value: Value): Value => (random.below(12) === 0 ? null : value);
  return [
    maybe(BigInt(random.below(1 << 30)) * 1_000_003n),
    maybe(text(random)),
    maybe(decimal(random)),
    maybe(random.below(2) === 0),
    maybe(random.below(1 << 20) - 500_000),
    maybe(random.below(1000) / 7),
    maybe(`p${random.below(30)}  `),
    maybe(new Interval(random.below(5), random.below(30), BigInt(random.below(1000)))),
    maybe(new SqlArray([random.below(10), null, 3])),
    maybe(BigInt(random.below(1 << 30))),
  ];
}

// --- row store -----------------------------------------------------------------------------------------------------

/** A store with all kinds of further columns, kept in step by the test. */
class Rows implements Persistent {
  readonly store = new RowStore(rowTypes);
  readonly bytes = this.store.addByte();
  readonly ints = this.store.addInt32();
  readonly longs = this.store.addBigInt64();
  readonly floats = this.store.addFloat64();
  readonly boxed = this.store.addBoxed(valueStateCodec(types.numeric));

  save(out: StateWriter): void {
    this.store.save(out);
  }

  restore(from: StateReader): void {
    this.store.restore(from);
  }
}

const rowStore = subject(
  'RowStore',
  40,
  () => new Rows(),
  (structure, random) => {
    const slots: number[] = [];
    const driver: Driver<Rows> = {
      structure,
      tick() {
        const { store, bytes, ints, longs, floats, boxed } = driver.structure;
        const direction = grows(random, slots.length, 20_000);
        if (direction === 'empty') {
          for (const slot of slots) store.free(slot);
          slots.length = 0;
        } else if (direction === 'down') {
          for (let k = Math.min(slots.length - 1, some(random, 3000)); k >= 0; k--) {
            const [slot] = slots.splice(random.below(slots.length), 1);
            store.free(must(slot));
          }
        } else {
          const n = 1 + random.below(random.below(4) === 0 ? 3000 : 40);
          const rows = Array.from({ length: n }, () => rowOf(random));
          const made = Int32Array.from(rows, () => store.alloc());
          store.store(batchOfRows(rowTypes, rows).columns, null, null, n, made);
          for (const slot of made) {
            const x = random.below(200);
            bytes.set(slot, x);
            ints.set(slot, -x);
            longs.set(slot, BigInt(x) << 40n);
            floats.set(slot, x / 3);
            boxed.set(slot, x < 50 ? null : decimal(random));
            slots.push(slot);
          }
        }
        // As generated code does.
        const changed = slots.filter(() => random.below(50) === 0);
        store.touchExtras(Int32Array.from(changed), changed.length);
        for (const slot of changed) {
          must(ints.blocks[slot >>> 13])[slot & 8191] = random.below(1000);
          must(boxed.blocks[slot >>> 13])[slot & 8191] = decimal(random);
        }
      },
      observe() {
        const { store, bytes, ints, longs, floats, boxed } = driver.structure;
        const rows = slots.map((slot) => [
          slot,
          store.values(slot),
          [bytes.get(slot), ints.get(slot), longs.get(slot), floats.get(slot), boxed.get(slot)],
        ]);
        const free = [...store.freeSlots()];
        return [rows, store.rows(), store.end(), free, store.bytes(), store.arena.chunks()];
      },
    };
    return driver;
  },
);

// --- arena, indexes ------------------------------------------------------------------------------------------------

const arena = subject(
  'ByteArena',
  60,
  () => new ByteArena(true),
  (structure, random) => {
    const refs: number[] = [];
    const driver: Driver<ByteArena> = {
      structure,
      tick() {
        const direction = grows(random, refs.length, 6000);
        if (direction === 'up') {
          for (let k = some(random, 800); k >= 0; k--) {
            const put = text(random);
            refs.push(
              random.below(2) === 0
                ? driver.structure.putText(put)
                : driver.structure.putBytes(Buffer.from(`b${put}`), put.length),
            );
          }
          return;
        }
        const all = direction === 'empty' ? refs.length : Math.min(refs.length, some(random, 900) + 1);
        for (let k = 0; k < all; k++)
          driver.structure.free(must(refs.splice(random.below(refs.length), 1)[0]));
      },
      observe: () => [
        refs.map((ref) => [ref, driver.structure.text(ref)]),
        driver.structure.chunks(),
        driver.structure.bytes(),
      ],
    };
    return driver;
  },
);

function hashIndex(name: string, hashBits: number): Subject {
  return subject(
    name,
    40,
    () => new HashIndex(),
    (structure, random) => {
      const entries: (readonly [number, number])[] = [];
      let slot = 0;
      const driver: Driver<HashIndex> = {
        structure,
        tick() {
          const index = driver.structure;
          const direction = grows(random, entries.length, 40_000);
          if (direction === 'up') {
            for (let k = some(random, 4000); k >= 0; k--) {
              const hash = random.below(2 ** hashBits) << (32 - hashBits) || 0;
              index.insert(hash, slot);
              entries.push([hash, slot++]);
            }
            return;
          }
          const n = direction === 'empty' ? entries.length : Math.min(entries.length, some(random, 3000) + 1);
          for (let k = 0; k < n; k++) {
            const at = random.below(entries.length);
            const [hash, from] = must(entries[at]);
            if (random.below(3) === 0 && direction === 'down') {
              index.replace(hash, from, slot);
              entries[at] = [hash, slot++];
            } else {
              index.remove(hash, from);
              entries[at] = must(entries.at(-1));
              entries.pop();
            }
          }
        },
        observe() {
          const index = driver.structure;
          const found = entries.map(([hash]) => {
            const slots: number[] = [];
            for (let s = index.first(hash); s >= 0 && slots.length < 8; s = index.next()) slots.push(s);
            return slots;
          });
          return [found, index.entries(), index.bytes()];
        },
      };
      return driver;
    },
  );
}

/** A tree with the store that its order reads. */
class Tree implements Persistent {
  readonly store = new RowStore([types.int4]);
  readonly tree = new OrderedIndex(
    new RowOrder(this.store, [{ column: 0, descending: false, nullsFirst: false }]),
  );

  save(out: StateWriter): void {
    this.store.save(out);
    this.tree.save(out);
  }

  restore(from: StateReader): void {
    this.store.restore(from);
    this.tree.restore(from);
  }
}

const orderedIndex = subject(
  'OrderedIndex',
  60,
  () => new Tree(),
  (structure, random) => {
    const slots: number[] = [];
    const driver: Driver<Tree> = {
      structure,
      tick() {
        const { store, tree } = driver.structure;
        const direction = grows(random, slots.length, 15_000);
        if (direction === 'up') {
          const n = some(random, 1500) + 1;
          const rows = Array.from({ length: n }, () => [random.below(1 << 20)]);
          const made = Int32Array.from(rows, () => store.alloc());
          store.store(batchOfRows(store.types, rows).columns, null, null, n, made);
          for (const slot of made) {
            tree.insert(slot, 1 + random.below(3));
            slots.push(slot);
          }
        } else {
          const n = direction === 'empty' ? slots.length : Math.min(slots.length, some(random, 1500) + 1);
          for (let k = 0; k < n; k++) {
            const slot = must(slots.splice(random.below(slots.length), 1)[0]);
            tree.remove(slot);
            store.free(slot);
          }
        }
        for (let k = random.below(3); k > 0 && slots.length > 0; k--) {
          tree.addCount(must(slots[random.below(slots.length)]), 1);
        }
      },
      observe() {
        const { tree } = driver.structure;
        const order: unknown[] = [];
        const cursor = tree.seekFirst(tree.cursor());
        for (; cursor.slot >= 0; cursor.next()) order.push([cursor.slot, cursor.count]);
        const ranks = slots.slice(0, 50).map((slot) => tree.rank(slot));
        return [order, ranks, tree.entries(), tree.total(), tree.bytes()];
      },
    };
    return driver;
  },
);

const minHeap = subject(
  'MinHeap',
  30,
  () => new MinHeap(),
  (structure, random) => {
    const driver: Driver<MinHeap> = {
      structure,
      tick() {
        for (let k = random.below(30); k > 0; k--) driver.structure.push(random.below(1000));
        for (let k = random.below(28); k > 0; k--) driver.structure.pop();
      },
      observe: () => [driver.structure.size, driver.structure.first()],
    };
    return driver;
  },
);

// --- tables --------------------------------------------------------------------------------------------------------

const keyTypes = [types.int4, types.text];

const keyCounts = subject(
  'KeyCounts over KeyTable, TouchedSlots',
  40,
  () => new KeyCounts(keyTypes),
  (structure, random) => {
    const counts = new Map<string, { readonly key: Row; count: number }>();
    const driver: Driver<KeyCounts> = {
      structure,
      tick() {
        const n = 1 + random.below(600);
        const isDown = random.below(3) === 0;
        const known = [...counts.values()];
        const rows: Row[] = [];
        const weights: number[] = [];
        for (let k = 0; k < n; k++) {
          const old = known[random.below(Math.max(known.length, 1))];
          const goes = isDown && old !== undefined && old.count > 0;
          const key = goes ? old.key : [random.below(20_000), random.below(9) === 0 ? null : text(random)];
          const entry = counts.get(String(key)) ?? { key, count: 0 };
          const weight = goes ? -entry.count : 1;
          entry.count += weight;
          if (entry.count === 0) counts.delete(String(key));
          else counts.set(String(key), entry);
          rows.push(key);
          weights.push(weight);
        }
        driver.structure.add(batchOfRows(keyTypes, rows).columns, n, Int32Array.from(weights));
        driver.structure.settle();
      },
      observe: () => [
        [...counts.values()].map(({ key }) => {
          const slot = driver.structure.table.findValues(key);
          return [slot, driver.structure.countOf(slot)];
        }),
        driver.structure.rows(),
        driver.structure.table.bytes(),
      ],
    };
    return driver;
  },
);

/** Keys in time buckets by their first column. */
class Timed implements Persistent {
  readonly table: KeyTable;
  readonly time: TimeBuckets<never>;

  constructor(type: DataType, exact: boolean) {
    this.table = new KeyTable([type, types.int4]);
    // The bounds that the test gives are of the column's type.
    this.time = this.table.keepTime(0, exact) as unknown as TimeBuckets<never>;
  }

  save(out: StateWriter): void {
    this.table.save(out);
  }

  restore(from: StateReader): void {
    this.table.restore(from);
  }
}

function timed(type: DataType, exact: boolean, timeAt: (n: number) => Value): Subject {
  return subject(
    `KeyTable with TimeBuckets of ${type.id}${exact ? '' : ', not exact'}`,
    40,
    () => new Timed(type, exact),
    (structure, random) => {
      let now = 0;
      const driver: Driver<Timed> = {
        structure,
        tick() {
          const { table, time } = driver.structure;
          const n = 1 + random.below(400);
          const rows = Array.from({ length: n }, () => [
            random.below(20) === 0 ? null : timeAt(now + 3000 + random.below(20_000)),
            random.below(1000),
          ]);
          table.upsert(batchOfRows(table.store.types, rows).columns, n, new Int32Array(n));
          if (random.below(2) === 0) {
            for (const row of rows.slice(0, 20)) {
              const slot = table.findValues(row);
              if (slot >= 0) table.remove(slot);
            }
          }
          now += random.below(3000);
          time.expire(timeAt(now) as never, (slots, k) => table.removeExpired(slots, k));
        },
        observe() {
          const { table, time } = driver.structure;
          const free = table.store.freeSlots();
          const rows: unknown[] = [];
          for (let slot = 0; slot < table.store.end(); slot++) {
            if (!free.has(slot)) rows.push([slot, table.store.values(slot)]);
          }
          return [rows, time.rows(), time.minimum(), table.store.bytes(), table.index.bytes()];
        },
      };
      return driver;
    },
  );
}

const seconds = (n: number): bigint => BigInt(n) * 100_000n;

// --- arrangement, relation -----------------------------------------------------------------------------------------

const sideTypes = [types.int4, types.text, types.int8];

function arrangement(appendOnly: boolean, keepTime: boolean): Subject {
  return subject(
    `Arrangement${appendOnly ? ', append-only' : ''}${keepTime ? ', by time' : ''}`,
    40,
    () => {
      const made = new Arrangement(sideTypes, [0], { appendOnly, totals: true, degrees: !appendOnly });
      if (keepTime) made.keepTime(2, true);
      return made;
    },
    (structure, random) => {
      let rows: Row[] = [];
      let now = 0;
      const driver: Driver<Arrangement> = {
        structure,
        tick() {
          const n = 1 + random.below(300);
          const changes: Row[] = [];
          const weights: number[] = [];
          for (let k = 0; k < n; k++) {
            if (!appendOnly && !keepTime && rows.length > 0 && random.below(5) < 2) {
              changes.push(must(rows.splice(random.below(rows.length), 1)[0]));
              weights.push(-1);
            } else {
              // Some keys have many rows.
              const key = random.below(4) === 0 ? random.below(3) : random.below(3000);
              const row = [key, text(random), seconds(now + 10 + random.below(40))];
              rows.push(row);
              changes.push(row);
              weights.push(1);
            }
          }
          apply(driver.structure, changes, weights);
          if (!keepTime) return;
          now += random.below(8);
          driver.structure.expire(seconds(now));
          rows = rows.filter((row) => (row[2] as bigint) >= seconds(now));
        },
        observe() {
          const { structure: held } = driver;
          const keys = [...new Set(rows.map((row) => row[0]))];
          const vectors = batchOfRows(
            [types.int4],
            keys.map((key) => [key ?? null]),
          ).columns;
          const hashes = new Int32Array(keys.length);
          const heads = new Int32Array(keys.length);
          held.index.hash(vectors, keys.length, hashes);
          held.index.find(vectors, hashes, keys.length, heads);
          const chains = [...heads].map((head) => {
            const chain: unknown[] = [held.totalOf(head), held.chainLength(head)];
            for (let slot = head; slot >= 0; slot = held.nextOf(slot))
              chain.push([slot, held.weightOf(slot), held.store.values(slot)]);
            return chain;
          });
          return [chains, held.rows(), held.store.bytes(), held.index.bytes()];
        },
      };
      return driver;
    },
  );
}

function apply(to: Arrangement, rows: readonly Row[], weights: readonly number[]): void {
  const n = rows.length;
  const { columns } = batchOfRows(sideTypes, rows);
  const keys = to.keyVectors(columns);
  const hashes = new Int32Array(n);
  const heads = new Int32Array(n);
  to.index.hash(keys, n, hashes);
  to.index.find(keys, hashes, n, heads);
  to.begin(columns, n);
  for (let i = 0; i < n; i++) {
    to.apply(i, must(hashes[i]), must(heads[i]), must(weights[i]));
  }
  to.finish();
}

const relationTypes = [types.int4, types.text, types.numeric];

function relation(key: readonly number[] | null, appendOnly: boolean): Subject {
  return subject(
    `RelationStore ${key === null ? 'of a bag' : 'with a key'}${appendOnly ? ', append-only' : ''}`,
    40,
    () => {
      const made = new RelationStore(relationTypes, key, appendOnly);
      made.addIndex({ id: 7, columns: [1, 2], descending: [false, true] });
      return made;
    },
    (structure, random) => {
      const rows = new Map<number, Row>();
      const driver: Driver<RelationStore> = {
        structure,
        tick() {
          const n = 1 + random.below(300);
          const changes: Row[] = [];
          const weights: number[] = [];
          for (let k = 0; k < n; k++) {
            const id = appendOnly ? rows.size : random.below(4000);
            const old = rows.get(id);
            if (old !== undefined) {
              changes.push(old);
              weights.push(-1);
              rows.delete(id);
            }
            if (old !== undefined && random.below(2) === 0) continue;
            const row = [id, random.below(9) === 0 ? null : text(random), decimal(random)];
            changes.push(row);
            weights.push(1);
            rows.set(id, row);
          }
          driver.structure.apply(batchOfRows(relationTypes, changes, weights));
          driver.structure.commit(() => {});
        },
        observe() {
          const held = driver.structure;
          const seen: unknown[] = [];
          if (key !== null) {
            for (const id of [...rows.keys()].slice(0, 100)) seen.push(held.findRow([id]));
            held.range(
              null,
              [],
              { value: 100, inclusive: true },
              { value: 300, inclusive: false },
              (batch) => {
                seen.push(batch.length);
              },
            );
          }
          let ordered = 0;
          held.range(7, [], { value: 'b', inclusive: true }, null, (batch) => {
            ordered += batch.length;
          });
          return [[...held.rows()], seen, ordered, held.first(7), held.rowCount()];
        },
      };
      return driver;
    },
  );
}

export const subjects: readonly Subject[] = [
  rowStore,
  arena,
  hashIndex('HashIndex', 30),
  hashIndex('HashIndex with many equal hashes', 12),
  orderedIndex,
  minHeap,
  keyCounts,
  timed(types.timestamptz, true, seconds),
  timed(types.timestamptz, false, seconds),
  timed(types.int4, true, (n) => n),
  timed(types.numeric, true, (n) => new Decimal(BigInt(n), 2)),
  timed(types.interval, true, (n) => new Interval(0, 0, seconds(n))),
  arrangement(false, false),
  arrangement(true, false),
  arrangement(true, true),
  relation([0], false),
  relation(null, false),
  relation([0], true),
  relation(null, true),
];
