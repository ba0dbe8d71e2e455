/** A checkpoint that cannot be written: it is reported, nothing is lost, and the next one, by a writer of its own, has everything. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqlError } from '../../../common/sqlError.ts';
import type { SqlState } from '../../../common/sqlStates.ts';
import { recover } from '../../../server/checkpoint/recovery.ts';
import { Journal } from '../../../server/journal.ts';
import { createDatabase, ddlRunner, localSession } from '../../../server/serve.ts';
import {
  type CheckpointOutput,
  type CheckpointPlace,
  inDirectory,
} from '../../../storage/checkpoint/checkpointPlace.ts';
import { dump, stateOf, temporaryDirectory } from '../journal/support.ts';

let directory: { readonly path: string; remove(): void };

beforeEach(() => {
  directory = temporaryDirectory('failure');
});

afterEach(() => directory.remove());

/** The directory, with writers of which the first ones fail at the end. */
class FailingPlace implements CheckpointPlace {
  readonly #real = inDirectory(directory.path);
  readonly failures: SqlState[] = [];
  writers = 0;

  open(): ReturnType<CheckpointPlace['open']> {
    return this.#real.open();
  }

  writer(): CheckpointOutput {
    this.writers++;
    const real = this.#real.writer();
    const failure = this.failures.shift();
    if (failure === undefined) return real;
    return {
      get outstanding() {
        return real.outstanding;
      },
      get failure() {
        return real.failure;
      },
      begin: () => real.begin(),
      room: (bytes) => real.room(bytes),
      block: (id, bytes) => real.block(id, bytes),
      drained: (bytes) => real.drained(bytes),
      commit: () => Promise.reject(new SqlError(failure, 'the disk says no')),
      abandon: () => real.abandon(),
      close: () => real.close(),
    };
  }
}

async function open(place: CheckpointPlace) {
  const database = createDatabase();
  const now = (): bigint => database.clock();
  const journal = new Journal(directory.path, { now, acceptDataLoss: false, log: () => {} });
  const { checkpointer, report } = await recover(database, place, journal, ddlRunner(database), () => {});
  const close = async (): Promise<void> => {
    await checkpointer.close();
    database.close();
  };
  return { database, checkpointer, report, session: localSession(database), journal, close };
}

describe('a checkpoint that fails', () => {
  it('loses nothing, and the next one has everything', async () => {
    const place = new FailingPlace();
    place.failures.push('53100', '58030');
    const a = await open(place);
    await a.session.run('CREATE TABLE t (id int PRIMARY KEY, v text)');
    await a.session.run('CREATE MATERIALIZED VIEW n AS SELECT v, count(*) AS n FROM t GROUP BY v');
    await a.session.run("INSERT INTO t SELECT i, 'v' || i % 3 FROM generate_series(1, 100) AS i");
    expect(await stateOf(a.session.run('CHECKPOINT'))).toBe('53100');
    expect(a.journal.truncated).toBe(0);
    await a.session.run("UPDATE t SET v = 'other' WHERE id < 10");
    expect(await stateOf(a.session.run('CHECKPOINT'))).toBe('58030');
    await a.session.run('CHECKPOINT');
    await a.session.run('CHECKPOINT');
    expect(place.writers).toBe(3);
    expect(a.checkpointer.reports.map((r) => r.error?.state ?? 'done')).toEqual([
      '53100',
      '58030',
      'done',
      'done',
    ]);
    expect(a.journal.truncated).toBe(a.journal.lastSeq);
    await a.session.run("INSERT INTO t VALUES (1000, 'last')");
    const before = dump(a.database);
    await a.close();
    const b = await open(place);
    expect(b.report.checkpoint).toBe(4);
    expect([b.report.replayedRecords, b.report.rebuilt]).toEqual([1, []]);
    expect(dump(b.database)).toEqual(before);
    await b.close();
  });
});
