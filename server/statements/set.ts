/** SET, RESET, SHOW of session variables. */
import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { parseValue } from '../../common/textIo.ts';
import type { ResetVariable, SetVariable, ShowVariable } from '../../parser/ast/statement.ts';
import { runDue } from '../time/due.ts';
import { jumpClock } from '../time/setBack.ts';
import { isInfinite } from '../time/units.ts';
import { done, type StatementContext, type StatementHandler, type StatementResult } from './statement.ts';

/** Each value given for search_path is one schema's name, quoted where needed, as in PostgreSQL. */
function listText(name: string, values: readonly string[]): string {
  const quoted = (part: string): string =>
    /^[a-z_][a-z0-9_$]*$/.test(part) ? part : `"${part.replaceAll('"', '""')}"`;
  return (name === 'search_path' ? values.map(quoted) : values).join(', ');
}

/** The one variable that is the server's, not the session's. */
const CLOCK = 'millrace.clock';

/** SET millrace.clock = timestamp | 'system', for the whole server and at once. */
async function setClock(value: string | null, context: StatementContext): Promise<StatementResult> {
  context.requireNoTransactionBlock('SET millrace.clock');
  const { database } = context;
  await database.exclusive(() => {
    const { serverClock } = database.environment;
    database.journal?.requireReady();
    if (value === null || value.toLowerCase() === 'system') serverClock.release();
    else {
      const at = parseValue(value, types.timestamptz, context.eval);
      if (typeof at !== 'bigint' || isInfinite(at, 'micros')) {
        throw new SqlError('22023', `invalid value for parameter "millrace.clock": "${value}"`, {
          hint: "It takes a timestamp with time zone, or 'system'.",
        });
      }
      serverClock.set(at);
    }
    jumpClock(database, serverClock.now());
    database.journal?.noteClock(database.watermarks.now(), serverClock.virtual, true);
    runDue(database);
    database.journal?.flush();
  });
  return done(value === null ? 'RESET' : 'SET');
}

export const setVariable: StatementHandler<SetVariable> = {
  readOnly: true,
  run(statement, context) {
    if (statement.name === 'transaction' || statement.name === 'session_characteristics') {
      for (const mode of statement.values ?? []) {
        if (mode === 'read only') context.settings.set('transaction_read_only', 'on', true);
        if (mode === 'read write') context.settings.set('transaction_read_only', 'off', true);
      }
      return done('SET');
    }
    const value = statement.values === null ? null : listText(statement.name, statement.values);
    if (statement.name === CLOCK && statement.scope !== 'local') return setClock(value, context);
    if (statement.scope === 'local' && !context.transactions.inBlock) {
      context.notice({
        severity: 'WARNING',
        state: '25P01',
        message: 'SET LOCAL can only be used in transaction blocks',
      });
    }
    context.settings.set(statement.name, value, statement.scope === 'local');
    return done('SET');
  },
};

export const resetVariable: StatementHandler<ResetVariable> = {
  readOnly: true,
  run(statement, context) {
    if (statement.name === CLOCK) return setClock(null, context);
    if (statement.name === null) context.settings.reset();
    else context.settings.set(statement.name, null);
    return done('RESET');
  },
};

export const showVariable: StatementHandler<ShowVariable> = {
  readOnly: true,
  describe(statement) {
    const text = (name: string) => ({ name, type: types.text });
    const columns =
      statement.name === null ? [text('name'), text('setting'), text('description')] : [text(statement.name)];
    return { parameterTypes: [], columns };
  },
  run(statement, context) {
    if (statement.name === null) {
      const rows = context.settings.all().map((s) => [s.name, s.value, s.doc]);
      return { columns: showVariable.describe?.(statement, context).columns ?? null, rows, tag: 'SHOW' };
    }
    const value = context.settings.get(statement.name);
    if (value === null)
      throw new SqlError('42704', `unrecognized configuration parameter "${statement.name}"`);
    return { columns: [{ name: statement.name, type: types.text }], rows: [[value]], tag: 'SHOW' };
  },
};
