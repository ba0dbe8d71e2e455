/** SHOW JOBS, CANCEL JOBS, and waiting for jobs. */
import { setTimeout as sleep } from 'node:timers/promises';

import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { Row } from '../../common/value.ts';
import type { CancelJobs } from '../../parser/ast/admin.ts';
import type { Database } from '../database.ts';
import { shownSql } from '../secrets/shownSql.ts';
import type { StatementContext, StatementHandler } from './statement.ts';

/** A client that cancels its WAIT waits no longer than this. */
const LOOK_MS = 20;

/** Waits until the session's jobs are over; those that fail are reported as warnings. */
export async function waitForJobs(context: StatementContext): Promise<void> {
  for (const job of context.database.jobs.ownedBy(context.settings)) {
    let over = false;
    const ended = job.ended.then(() => {
      over = true;
    });
    while (!over) {
      await Promise.race([ended, sleep(LOOK_MS)]);
      if (!over) context.checkCancelled();
    }
    if (job.error === null) continue;
    context.notice({
      severity: 'WARNING',
      state: job.error.state,
      message: `job ${job.id} has failed: ${job.error.message}`,
      ...(job.error.detail === undefined ? {} : { detail: job.error.detail }),
      ...(job.error.hint === undefined ? {} : { hint: job.error.hint }),
    });
  }
}

/** Rows of SHOW JOBS. */
export function jobRows({ jobs }: Database): Row[] {
  return jobs
    .list()
    .map((job) => [
      String(job.id),
      shownSql(job.statement),
      job.background ? 'BACKGROUND' : 'FOREGROUND',
      job.error === null ? `${(job.progress * 100).toFixed(2)}%` : `failed: ${job.error.message}`,
    ]);
}

const columns = [{ name: 'Id', type: types.text }];

export const cancelJobs: StatementHandler<CancelJobs> = {
  readOnly: true,
  describe: () => ({ parameterTypes: [], columns }),
  run(statement, { database }) {
    const jobs = statement.ids.map((id) => {
      const job = database.jobs.find(id);
      if (job !== null) return job;
      throw new SqlError('42704', `job ${id} does not exist`, { position: statement.span.start });
    });
    for (const job of jobs) job.cancel();
    return { columns, rows: jobs.map((job) => [String(job.id)]), tag: 'CANCEL JOBS' };
  },
};
