/** Functions about the session and the server: who, where, settings, backends, sleeping. */
import type { DataType } from '../../common/dataType.ts';
import type { EvalContext, ScalarFunction, TypePattern } from '../../common/function.ts';
import { scalar } from '../../common/function.ts';
import type { Interval } from '../../common/interval.ts';
import { SqlArray } from '../../common/sqlArray.ts';
import { SqlError } from '../../common/sqlError.ts';
import { oidOf } from '../../common/typeTable.ts';
import type { Value } from '../../common/value.ts';

const VERSION = 'PostgreSQL 15.12 (Millrace 0.1.0)';

/** A function without arguments that tells a fact about the session. */
function fact(
  name: string,
  returns: TypePattern,
  doc: string,
  value: (context: EvalContext) => Value,
  example?: string,
): ScalarFunction {
  return scalar({
    name,
    args: [],
    returns,
    volatility: 'stable',
    mayReturnNull: true,
    nulls: 'called',
    doc,
    examples: example === undefined ? [] : [[`${name}()`, example]],
    evaluateWith: value,
  });
}

const currentSchema = (context: EvalContext): Value => context.session.searchPath()[0] ?? null;

const facts: readonly ScalarFunction[] = [
  fact('current_database', 'name', 'Name of the database.', (c) => c.session.database, 'dev'),
  fact('current_catalog', 'name', 'Name of the database.', (c) => c.session.database),
  fact('current_schema', 'name', 'First schema of the search path.', currentSchema),
  fact('current_user', 'name', 'Name of the user.', (c) => c.session.user),
  fact('current_role', 'name', 'Name of the user.', (c) => c.session.user),
  fact('session_user', 'name', 'Name of the user.', (c) => c.session.user),
  fact('user', 'name', 'Name of the user.', (c) => c.session.user),
  fact('version', 'text', 'Version of the server.', () => VERSION, VERSION),
  fact(
    'pg_backend_pid',
    'int4',
    'Process id of the session, as a cancel request gives it.',
    (c) => c.session.processId,
  ),
  fact('pg_is_in_recovery', 'bool', 'Always false.', () => false, 'f'),
  fact('pg_my_temp_schema', 'oid', 'Always 0: there are no temporary tables.', () => 0, '0'),
  fact('pg_jit_available', 'bool', 'Always false.', () => false, 'f'),
  fact('getdatabaseencoding', 'name', 'Encoding of the database.', () => 'UTF8', 'UTF8'),
  fact('pg_client_encoding', 'name', 'Encoding of the client.', () => 'UTF8', 'UTF8'),
  ...(['pg_postmaster_start_time', 'pg_conf_load_time'] as const).map((name) =>
    fact(name, 'timestamptz', 'When the server started.', (c) => c.session.catalogFunction(name, [])),
  ),
  fact('txid_current', 'int8', 'Number of the version of the data.', (c) =>
    c.session.catalogFunction('txid_current', []),
  ),
  fact('current_query', 'text', 'Text of the running statement.', (c) =>
    c.session.catalogFunction('current_query', []),
  ),
  scalar({
    name: 'current_schemas',
    args: ['bool'],
    returns: 'name[]',
    volatility: 'stable',
    doc: 'Schemas of the search path, with the implicit pg_catalog if so asked.',
    examples: [['current_schemas(true)', '{pg_catalog,public}']],
    evaluateWith: (context, implicit) => {
      const path = context.session.searchPath();
      return new SqlArray(implicit && !path.includes('pg_catalog') ? ['pg_catalog', ...path] : path);
    },
  }),
];

function setting(context: EvalContext, name: string, missingOk: boolean): Value {
  const value = context.session.setting(name);
  if (value !== null || missingOk) return value;
  throw new SqlError('42704', `unrecognized configuration parameter "${name}"`);
}

const settings: readonly ScalarFunction[] = [
  scalar({
    name: 'current_setting',
    args: ['text'],
    returns: 'text',
    volatility: 'stable',
    doc: 'Value of a setting.',
    examples: [],
    evaluateWith: (context, name) => setting(context, name, false),
  }),
  scalar({
    name: 'current_setting',
    args: ['text', 'bool'],
    returns: 'text',
    volatility: 'stable',
    mayReturnNull: true,
    doc: 'Value of a setting; NULL for an unknown one if the second argument is true.',
    examples: [["current_setting('no.such', true)", 'NULL']],
    evaluateWith: setting,
  }),
  scalar({
    name: 'set_config',
    args: ['text', 'text', 'bool'],
    returns: 'text',
    volatility: 'volatile',
    mayReturnNull: true,
    doc: 'Changes a setting, for the transaction only if the third argument is true, and gives its new value.',
    examples: [],
    evaluateWith: (context, name, value, local) => {
      context.session.setSetting(name, value, local);
      return context.session.setting(name);
    },
  }),
];

function sleep(context: EvalContext, seconds: number): Value {
  context.session.catalogFunction('pg_sleep', [Math.max(0, seconds)]);
  return '';
}

const MICROS = 1_000_000;
const DAY_SECONDS = 86_400;

const waiting: readonly ScalarFunction[] = [
  scalar({
    name: 'pg_sleep',
    args: ['float8'],
    returns: 'void',
    volatility: 'volatile',
    doc: 'Makes the statement last some seconds longer.',
    examples: [],
    evaluateWith: sleep,
  }),
  scalar({
    name: 'pg_sleep_for',
    args: ['interval'],
    returns: 'void',
    volatility: 'volatile',
    doc: 'Makes the statement last longer.',
    examples: [],
    evaluateWith: (context, interval: Interval) =>
      sleep(context, (interval.months * 30 + interval.days) * DAY_SECONDS + Number(interval.micros) / MICROS),
  }),
  scalar({
    name: 'pg_sleep_until',
    args: ['timestamptz'],
    returns: 'void',
    volatility: 'volatile',
    doc: 'Makes the statement last until a moment.',
    examples: [],
    evaluateWith: (context, moment) => sleep(context, Number(moment - context.clock()) / MICROS),
  }),
  ...(['pg_cancel_backend', 'pg_terminate_backend'] as const).map((name) =>
    scalar({
      name,
      args: ['int4'],
      returns: 'bool',
      volatility: 'volatile',
      doc: name === 'pg_cancel_backend' ? 'Cancels the statement of a session.' : 'Ends a session.',
      examples: [],
      evaluateWith: (context, processId) => context.session.catalogFunction(name, [processId]),
    }),
  ),
];

/** Sizes as pg_size_pretty gives them: 10 units of the next smaller at most, rounded half away from zero. */
function prettySize(bytes: bigint): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;
  const negative = bytes < 0n;
  let size = negative ? -bytes : bytes;
  let unit = 0;
  if (size >= 10n * 1024n) {
    // One more bit is kept until the end, for rounding.
    size >>= 9n;
    unit = 1;
    while (size >= 20n * 1024n - 1n && unit < units.length - 1) {
      size >>= 10n;
      unit++;
    }
    size = (size + 1n) >> 1n;
  }
  return `${negative ? '-' : ''}${size} ${units[unit]}`;
}

const sizes: readonly ScalarFunction[] = [
  scalar({
    name: 'pg_size_pretty',
    args: ['int8'],
    returns: 'text',
    infallible: true,
    doc: 'A number of bytes in a unit that fits.',
    examples: [
      ['pg_size_pretty(10239::int8)', '10239 bytes'],
      ['pg_size_pretty(10240::int8)', '10 kB'],
      ['pg_size_pretty(1234567890::int8)', '1177 MB'],
    ],
    evaluate: prettySize,
  }),
  scalar({
    name: 'pg_size_pretty',
    args: ['numeric'],
    returns: 'text',
    doc: 'A number of bytes in a unit that fits.',
    examples: [['pg_size_pretty(20480.0)', '20 kB']],
    evaluate: (bytes) => prettySize(bytes.toInteger('bigint')),
  }),
];

const types: readonly ScalarFunction[] = [
  scalar({
    name: 'pg_typeof',
    args: ['any'],
    returns: 'regtype',
    nulls: 'called',
    infallible: true,
    doc: 'Type of the argument.',
    examples: [['pg_typeof(33)', 'integer']],
    implement: ([type]: readonly DataType[]) => {
      const oid = oidOf(type ?? { id: 'unknown' });
      return { emit: () => String(oid) };
    },
  }),
];

export const sessionFunctions: readonly ScalarFunction[] = [
  ...facts,
  ...settings,
  ...waiting,
  ...sizes,
  ...types,
];
