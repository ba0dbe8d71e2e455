/**
 * FLUSH and WAIT: when they answer, everything that was there before is visible and on disk, also what was committed with
 * `synchronous_commit = off`; with `flush_sinks`, at the targets of sinks too. WAIT waits for the session's jobs in the background too.
 */
import type { Flush, Wait } from '../../parser/ast/statement.ts';
import type { Database } from '../database.ts';
import { awaitDelivery } from '../sinks/awaitDelivery.ts';
import { waitForJobs } from './jobs.ts';
import { done, type StatementHandler } from './statement.ts';

async function settle(database: Database): Promise<void> {
  const seq = await database.exclusive(() => database.journal?.lastSeq ?? 0);
  await database.journal?.flushThrough(seq);
}

export const flush: StatementHandler<Flush> = {
  readOnly: true,
  async run(_statement, context) {
    await settle(context.database);
    if (context.settings.value('flush_sinks') === 'on') {
      await awaitDelivery(context.database, () => context.checkCancelled());
    }
    return done('FLUSH');
  },
};

export const wait: StatementHandler<Wait> = {
  readOnly: true,
  async run(_statement, context) {
    await waitForJobs(context);
    await settle(context.database);
    return done('WAIT');
  },
};
