/** Writes PostgreSQL's answers into slt files as their expected results: `node scripts/expectFromPostgres.ts FILES...`. */
import { completeFile } from '../bin/slt/complete.ts';
import { postgresBin, startPostgres } from '../test/harness/postgres.ts';

const bin = postgresBin();
if (bin === null) {
  process.stderr.write('millrace: PostgreSQL is not installed\n');
  process.exit(1);
}
const server = await startPostgres(bin);
try {
  let next = 0;
  for (const file of process.argv.slice(2)) {
    const url = await server.createDatabase(`expect_${next++}`);
    for (const problem of await completeFile(file, url)) process.stdout.write(`${problem}\n`);
  }
} finally {
  server.close();
}
