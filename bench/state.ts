/**
 * State structures against JavaScript Maps: ns per operation at random keys, bytes per entry, worst pause while growing.
 *
 *   node bench/state.ts [entries in millions, default 1] [...]
 *
 * Each measure is one pass over a stream of uniformly random keys in batches of 1024, after the structure was filled.
 */
import { performance } from 'node:perf_hooks';
import { types } from '../common/dataType.ts';
import { Arrangement } from '../storage/state/arrangement.ts';
import { KeyTable } from '../storage/state/keyTable.ts';
import { OrderedIndex } from '../storage/state/orderedIndex.ts';
import { RelationStore } from '../storage/state/relationStore.ts';
import { RowOrder } from '../storage/state/rowOrder.ts';
import { newBatch, type OutputBatch } from '../storage/state/vector.ts';

const BATCH = 1024;
const OPERATIONS = 2_000_000;

interface Measure {
  readonly name: string;
  readonly nanos: number;
  readonly bytesPerEntry: number;
  readonly worstMillis: number;
}

let seed = 0x2545f491;
function random(n: number): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return Math.floor(((seed >>> 0) / 0x1_0000_0000) * n);
}

/** Batches before the code is compiled; left out of the worst pause. */
const WARM_UP = 64;

/** Runs `batch` often enough for `operations`; time per operation and the longest single batch once warm. */
function time(
  operations: number,
  batch: (from: number) => void,
): { readonly nanos: number; readonly worst: number } {
  let worst = 0;
  const start = performance.now();
  for (let from = 0; from < operations; from += BATCH) {
    const before = performance.now();
    batch(from);
    if (from >= WARM_UP * BATCH) worst = Math.max(worst, performance.now() - before);
  }
  return { nanos: ((performance.now() - start) * 1e6) / operations, worst };
}

function ints(batch: OutputBatch, column: number): BigInt64Array {
  const vector = batch.columns[column];
  if (vector?.kind !== 'i64') throw new TypeError('int8 column expected');
  return vector.data;
}

function texts(batch: OutputBatch, column: number): string[] {
  const vector = batch.columns[column];
  if (vector?.kind !== 'text') throw new TypeError('text column expected');
  return vector.data;
}

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function mapBaseline(entries: number): Measure[] {
  const before = heapUsed();
  const map = new Map<number, { count: number; sum: number }>();
  const upsert = (key: number): void => {
    const entry = map.get(key);
    if (entry === undefined) map.set(key, { count: 1, sum: key });
    else {
      entry.count++;
      entry.sum += key;
    }
  };
  const fill = time(entries, (from) => {
    for (let i = 0; i < BATCH; i++) upsert(from + i);
  });
  const update = time(OPERATIONS, () => {
    for (let i = 0; i < BATCH; i++) upsert(random(entries));
  });
  const bytes = (heapUsed() - before) / map.size;
  return [
    {
      name: 'Map of objects by number, fill',
      nanos: fill.nanos,
      bytesPerEntry: bytes,
      worstMillis: fill.worst,
    },
    {
      name: 'Map of objects by number, update',
      nanos: update.nanos,
      bytesPerEntry: bytes,
      worstMillis: update.worst,
    },
  ];
}

function keyTable(entries: number): Measure[] {
  const table = new KeyTable([types.int8]);
  const counts = table.store.addInt32();
  const sums = table.store.addFloat64();
  const batch = newBatch([types.int8], BATCH);
  const keys = ints(batch, 0);
  const slots = new Int32Array(BATCH);
  const created = new Int32Array(BATCH);
  const upsert = (): void => {
    const made = table.upsert(batch.columns, BATCH, slots, created);
    for (let k = 0; k < made; k++) counts.set(created[k] ?? 0, 0);
    for (let i = 0; i < BATCH; i++) {
      const slot = slots[i] ?? 0;
      counts.set(slot, counts.get(slot) + 1);
      const block = sums.blocks[slot >>> 13];
      if (block !== undefined) block[slot & 8191] = (block[slot & 8191] ?? 0) + 1;
    }
  };
  const fill = time(entries, (from) => {
    for (let i = 0; i < BATCH; i++) keys[i] = BigInt(from + i);
    upsert();
  });
  const update = time(OPERATIONS, () => {
    for (let i = 0; i < BATCH; i++) keys[i] = BigInt(random(entries));
    upsert();
  });
  const bytes = table.bytes() / table.rows();
  return [
    {
      name: 'KeyTable count and sum, fill',
      nanos: fill.nanos,
      bytesPerEntry: bytes,
      worstMillis: fill.worst,
    },
    {
      name: 'KeyTable count and sum, update',
      nanos: update.nanos,
      bytesPerEntry: bytes,
      worstMillis: update.worst,
    },
  ];
}

function textKeys(entries: number): Measure[] {
  const table = new KeyTable([types.text]);
  const batch = newBatch([types.text], BATCH);
  const keys = texts(batch, 0);
  const slots = new Int32Array(BATCH);
  const fill = time(entries, (from) => {
    for (let i = 0; i < BATCH; i++) keys[i] = `user-${from + i}`;
    table.upsert(batch.columns, BATCH, slots);
  });
  const update = time(OPERATIONS, () => {
    for (let i = 0; i < BATCH; i++) keys[i] = `user-${random(entries)}`;
    table.upsert(batch.columns, BATCH, slots);
  });
  const bytes = table.bytes() / table.rows();
  return [
    { name: 'KeyTable by text, fill', nanos: fill.nanos, bytesPerEntry: bytes, worstMillis: fill.worst },
    { name: 'KeyTable by text, find', nanos: update.nanos, bytesPerEntry: bytes, worstMillis: update.worst },
  ];
}

function relation(entries: number): Measure[] {
  const shape = [types.int8, types.int8, types.text, types.float8];
  const store = new RelationStore(shape, [0]);
  const batch = newBatch(shape, BATCH * 2);
  const [keys, values, names] = [ints(batch, 0), ints(batch, 1), texts(batch, 2)];
  const ignore = (): undefined => undefined;
  const fill = time(entries, (from) => {
    for (let i = 0; i < BATCH; i++) {
      keys[i] = BigInt(from + i);
      values[i] = 0n;
      names[i] = 'some name';
      batch.weights[i] = 1;
    }
    batch.length = BATCH;
    store.apply(batch);
    store.commit(ignore);
  });
  const versions = new Float64Array(entries + BATCH);
  const update = time(OPERATIONS / 4, () => {
    for (let i = 0; i < BATCH; i++) {
      const key = random(entries);
      const version = versions[key] ?? 0;
      versions[key] = version + 1;
      keys[2 * i] = BigInt(key);
      keys[2 * i + 1] = BigInt(key);
      values[2 * i] = BigInt(version);
      values[2 * i + 1] = BigInt(version + 1);
      names[2 * i] = 'some name';
      names[2 * i + 1] = 'some name';
      batch.weights[2 * i] = -1;
      batch.weights[2 * i + 1] = 1;
    }
    batch.length = BATCH * 2;
    store.apply(batch);
    store.commit(ignore);
  });
  const bytes = store.bytes() / store.rowCount();
  return [
    {
      name: 'RelationStore 4 columns, insert',
      nanos: fill.nanos,
      bytesPerEntry: bytes,
      worstMillis: fill.worst,
    },
    {
      name: 'RelationStore 4 columns, update',
      nanos: update.nanos,
      bytesPerEntry: bytes,
      worstMillis: update.worst,
    },
  ];
}

function arrangement(entries: number): Measure[] {
  const shape = [types.int8, types.int8, types.float8];
  const side = new Arrangement(shape, [0], { appendOnly: false, totals: false, degrees: false });
  const batch = newBatch(shape, BATCH);
  const [keys, values] = [ints(batch, 0), ints(batch, 1)];
  const hashes = new Int32Array(BATCH);
  const heads = new Int32Array(BATCH);
  const vectors = side.keyVectors(batch.columns);
  const apply = (weight: number): void => {
    side.index.hash(vectors, BATCH, hashes);
    side.index.find(vectors, hashes, BATCH, heads);
    side.begin(batch.columns, BATCH);
    for (let i = 0; i < BATCH; i++) side.apply(i, hashes[i] ?? 0, heads[i] ?? -1, weight);
    side.finish();
  };
  const fill = time(entries, (from) => {
    for (let i = 0; i < BATCH; i++) {
      keys[i] = BigInt((from + i) >>> 1);
      values[i] = BigInt(from + i);
    }
    apply(1);
  });
  const bytes = side.bytes() / side.rows();
  const update = time(OPERATIONS / 2, () => {
    for (let i = 0; i < BATCH; i++) {
      const row = random(entries);
      keys[i] = BigInt(row >>> 1);
      values[i] = BigInt(row);
    }
    apply(-1);
    apply(1);
  });
  return [
    {
      name: 'Arrangement 2 rows a key, insert',
      nanos: fill.nanos,
      bytesPerEntry: bytes,
      worstMillis: fill.worst,
    },
    {
      name: 'Arrangement, delete and insert',
      nanos: update.nanos,
      bytesPerEntry: bytes,
      worstMillis: update.worst,
    },
  ];
}

function ordered(entries: number): Measure[] {
  const table = new KeyTable([types.int8]);
  const tree = new OrderedIndex(
    new RowOrder(table.store, [{ column: 0, descending: false, nullsFirst: false }]),
  );
  const batch = newBatch([types.int8], BATCH);
  const keys = ints(batch, 0);
  const slots = new Int32Array(BATCH);
  const created = new Int32Array(BATCH);
  const fill = time(entries, () => {
    for (let i = 0; i < BATCH; i++) keys[i] = BigInt(random(0x7fffffff));
    const made = table.upsert(batch.columns, BATCH, slots, created);
    for (let k = 0; k < made; k++) tree.insert(created[k] ?? 0);
  });
  const bytes = tree.bytes() / tree.entries();
  const update = time(OPERATIONS / 4, () => {
    for (let i = 0; i < BATCH; i++) {
      const slot = random(tree.entries());
      tree.remove(slot);
      tree.insert(slot);
    }
  });
  return [
    { name: 'OrderedIndex, insert', nanos: fill.nanos, bytesPerEntry: bytes, worstMillis: fill.worst },
    {
      name: 'OrderedIndex, remove and insert',
      nanos: update.nanos,
      bytesPerEntry: bytes,
      worstMillis: update.worst,
    },
  ];
}

function report(measures: readonly Measure[]): void {
  for (const m of measures) {
    const cells = [
      m.nanos.toFixed(0).padStart(7),
      m.bytesPerEntry.toFixed(0).padStart(6),
      m.worstMillis.toFixed(1).padStart(8),
    ];
    process.stdout.write(`${m.name.padEnd(36)}${cells.join('')}\n`);
  }
}

const sizes = process.argv.slice(2).map(Number);
for (const millions of sizes.length > 0 ? sizes : [1]) {
  const entries = Math.floor((millions * 1_000_000) / BATCH) * BATCH;
  process.stdout.write(`\n${millions} M entries${' '.repeat(26)}ns/op bytes  worst ms per 1024\n`);
  for (const bench of [mapBaseline, keyTable, textKeys, relation, arrangement, ordered])
    report(bench(entries));
}
