/** CANCEL JOBS. */

import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import type { CancelJobs } from '../../parser/ast/admin.ts';
import type { StatementHandler } from './statement.ts';

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
