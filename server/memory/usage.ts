/** What state there is and where it lies: for the limit of memory, and for the catalog. */
import type { BlockMarks, Persistent } from '../../storage/state/persist.ts';
import { marksOf } from '../../storage/state/residency.ts';
import type { Database } from '../database.ts';
import type { CatalogObject } from '../objects.ts';
import { RemoteSource, type WaitingBlocks } from '../remote/remoteSource.ts';

/** All that lies in blocks: rows of relations, what operators remember, arrangements. Between ticks. */
export function* blockState(database: Database): Generator<Persistent> {
  for (const object of database.catalog.objects()) {
    if (object.kind === 'table') yield object.store;
    else if (object.kind === 'materialized view' && object.paused === null) {
      yield object.store;
      for (const { operator } of object.nodes)
        if (operator?.persistent !== undefined) yield operator.persistent;
    }
  }
  for (const { operator } of database.arrangements.list()) yield operator.persistent;
}

/** Rows of a remote source that have been read and wait for their tick; null: it is no such source. They are no state. */
export function buffersOf(object: CatalogObject): WaitingBlocks | null {
  const connector = object.kind === 'table' ? object.source?.connector : undefined;
  return connector instanceof RemoteSource ? connector.buffers() : null;
}

export interface MemoryUsage {
  readonly blocks: number;
  readonly blocksInMemory: number;
  /** Of blocks that have not been in memory since the start, what others of the structure take on average. */
  readonly bytes: number;
  readonly bytesInMemory: number;
}

/** Structures of one operator or relation. */
export function usageOf(state: Persistent): MemoryUsage {
  let usage: MemoryUsage = { blocks: 0, blocksInMemory: 0, bytes: 0, bytesInMemory: 0 };
  for (const marks of marksOf([state])) usage = sum(usage, ofMarks(marks));
  return usage;
}

function sum(a: MemoryUsage, b: MemoryUsage): MemoryUsage {
  return {
    blocks: a.blocks + b.blocks,
    blocksInMemory: a.blocksInMemory + b.blocksInMemory,
    bytes: a.bytes + b.bytes,
    bytesInMemory: a.bytesInMemory + b.bytesInMemory,
  };
}

const BLOCK_BYTES = 1 << 16;

function ofMarks(marks: BlockMarks): MemoryUsage {
  const blocks = marks.owner.blockCount();
  let blocksInMemory = 0;
  let bytesInMemory = 0;
  let bytesKnown = 0;
  let known = 0;
  for (let b = 0; b < blocks; b++) {
    const size = marks.size(b);
    if (marks.absent[b] === 0 || marks.isAside(b)) {
      blocksInMemory++;
      bytesInMemory += size;
    } else if (size === 0) continue;
    bytesKnown += size;
    known++;
  }
  const average = known === 0 ? BLOCK_BYTES : bytesKnown / known;
  const bytes = bytesKnown + (blocks - known) * average;
  return { blocks, blocksInMemory, bytes: Math.round(bytes), bytesInMemory };
}
