/** What `npm run check` runs: format, lint, types, and the tests that start no server. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { finish, formatAndLint, root, runTests, typeCheck } from './lib.ts';

/** Folders and files of test/ whose tests start servers or programs. */
const slow: ReadonlySet<string> = new Set(['bench', 'cli', 'docs.test.ts', 'harness', 'server', 'slt']);

const quick = readdirSync(join(root, 'test'))
  .filter((name) => !slow.has(name))
  .map((name) => `test/${name}`);
const format = formatAndLint();
const types = typeCheck();
finish(runTests(quick), [
  ['format and lint', format],
  ['types', types],
]);
