/** millrace_catalog: what state takes, in memory and on disk, by relation, operator and arrangement, and its limit. */
import type { Persistent } from '../../storage/state/persist.ts';
import { buffersOf, usageOf } from '../memory/usage.ts';
import type { WaitingBlocks } from '../remote/remoteSource.ts';
import type { ColumnSpecs, Fields, RowSources } from './definition.ts';
import type { SystemView } from './systemView.ts';

export const memoryColumns: ColumnSpecs = {
  memory: {
    id: 12450,
    kind: 'v',
    columns:
      'relation_id oid, relation text, part text!, rows int8!, bytes int8!, bytes_in_memory int8!, blocks int8!, blocks_in_memory int8!',
  },
  memory_limit: {
    id: 12451,
    kind: 'v',
    columns:
      'limit_bytes int8, bytes_in_memory int8, bytes_moved_to_disk int8, blocks_moved_out int8, blocks_read_back int8, bytes_in_buffers int8!',
  },
};

function fields(id: number, relation: string, part: string, rows: number, state: Persistent): Fields {
  const usage = usageOf(state);
  return {
    relation_id: id,
    relation,
    part,
    rows: BigInt(rows),
    bytes: BigInt(usage.bytes),
    bytes_in_memory: BigInt(usage.bytesInMemory),
    blocks: BigInt(usage.blocks),
    blocks_in_memory: BigInt(usage.blocksInMemory),
  };
}

/** What was read of a source and is in no tick yet: always in memory. */
function waiting(id: number, relation: string, { blocks, rows, bytes }: WaitingBlocks): Fields {
  return {
    relation_id: id,
    relation,
    part: 'buffers',
    rows: BigInt(rows),
    bytes: BigInt(bytes),
    bytes_in_memory: BigInt(bytes),
    blocks: BigInt(blocks),
    blocks_in_memory: BigInt(blocks),
  };
}

function* memory({ database }: SystemView): Generator<Fields> {
  for (const object of database.catalog.objects()) {
    const { id, name } = object;
    if (object.kind === 'table') yield fields(id, name, 'rows', object.store.rowCount(), object.store);
    const buffers = buffersOf(object);
    if (buffers !== null) yield waiting(id, name, buffers);
    if (object.kind !== 'materialized view' || object.paused !== null) continue;
    yield fields(id, name, 'rows', object.store.rowCount(), object.store);
    for (const { operator, name: part } of object.nodes) {
      const state = operator?.persistent;
      if (operator === null || state === undefined) continue;
      const row = fields(id, name, part, operator.stateRows(), state);
      if (row.blocks !== 0n) yield row;
    }
  }
  for (const { relation, key, columns, operator } of database.arrangements.list()) {
    const names = key.columns.map((c) => relation.columns[columns[c] ?? -1]?.name ?? '?');
    const part = `arranged by ${names.join(', ')}`;
    yield fields(relation.id, relation.name, part, operator.stateRows(), operator.persistent);
  }
}

function* memoryLimit({ database }: SystemView): Generator<Fields> {
  const { memory: limit } = database;
  const buffered = database.catalog.objects().reduce((sum, o) => sum + (buffersOf(o)?.bytes ?? 0), 0);
  yield {
    limit_bytes: limit === null ? null : BigInt(Math.round(limit.limit)),
    bytes_in_memory: limit === null ? null : BigInt(limit.residency.resident),
    bytes_moved_to_disk: limit === null ? null : BigInt(limit.swapBytes),
    blocks_moved_out: limit?.residency.evictions ?? null,
    blocks_read_back: limit?.residency.fetches ?? null,
    bytes_in_buffers: BigInt(buffered),
  };
}

export const memoryCatalog: RowSources = { memory, memory_limit: memoryLimit };
