/** What `npm test` runs: format, lint, types and every test. Arguments go to vitest. */
import { finish, formatAndLint, runTests, typeCheck } from './lib.ts';

const format = formatAndLint();
const types = typeCheck();
finish(runTests(process.argv.slice(2)), [
  ['format and lint', format],
  ['types', types],
]);
