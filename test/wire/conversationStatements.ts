/** What the fake session answers to the statements of sql-tests/wire: what PostgreSQL 15 answered to the same. */
import { copyRowEncoder } from '../../common/copyEncode.ts';
import { CopyDecoder } from '../../common/copyFormat.ts';
import { csvCopyDefaults, textCopyDefaults } from '../../common/copyOptions.ts';
import { types } from '../../common/dataType.ts';
import { SqlError } from '../../common/sqlError.ts';
import { column, type FakeStatement, type FakeStatements } from './fakeSession.ts';

type Stored = (readonly (string | null)[])[];

function copyFrom(stored: Stored, csv: boolean): FakeStatement {
  return {
    run: async (_session, sink) => {
      const options = csv ? csvCopyDefaults : textCopyDefaults;
      const decoder = new CopyDecoder(options, { relation: 't', columns: ['a', 'b'] });
      const records: (readonly (string | null)[])[] = [];
      try {
        for await (const chunk of sink.copyIn(2)) {
          for (const record of decoder.push(chunk)) records.push(record.fields);
        }
      } catch (error) {
        throw error instanceof SqlError ? decoder.interrupted(error) : error;
      }
      for (const record of decoder.end()) records.push(record.fields);
      stored.push(...records);
      return `COPY ${records.length}`;
    },
  };
}

function copyTo(stored: Stored): FakeStatement {
  return {
    run: async (_session, sink) => {
      const encode = copyRowEncoder(textCopyDefaults, ['a', 'b']);
      sink.copyOut(2);
      for (const fields of stored) await sink.copyData(Buffer.from(encode(fields)));
      sink.copyDone();
      return `COPY ${stored.length}`;
    },
  };
}

/** A fresh table of statements, with its own stored rows. */
export function conversationStatements(): FakeStatements {
  const stored: Stored = [];
  return [
    [/^create temp table t \(a int4, b text\)$/, () => ({ run: () => 'CREATE TABLE' })],
    [/^copy t from stdin$/, () => copyFrom(stored, false)],
    [/^copy t from stdin csv$/, () => copyFrom(stored, true)],
    [/^copy t to stdout$/, () => copyTo(stored)],
    [/^select null::text as t$/, () => ({ columns: [column('t', types.text)], rows: () => [[null]] })],
    [
      /^select generate_series\(1, (\d+)\) as i$/,
      ([, n = '']) => ({
        columns: [column('i', types.int4)],
        rows: () => Array.from({ length: Number(n) }, (_, i) => [i + 1]),
      }),
    ],
    [
      /^select 1\/(0)$/,
      () => ({
        columns: [column('?column?', types.int4)],
        planError: new SqlError('22012', 'division by zero'),
      }),
    ],
    [
      /^select \$1::int4 \+ 1 as n$/,
      () => ({
        parameterTypes: [types.int4],
        columns: [column('n', types.int4)],
        rows: ([n = null]) => [[typeof n === 'number' ? n + 1 : null]],
      }),
    ],
    [
      /^select \$1::text as t, \$2::bool as b$/,
      () => ({
        parameterTypes: [types.text, types.bool],
        columns: [column('t', types.text), column('b', types.bool)],
        rows: ([t = null, b = null]) => [[t, b]],
      }),
    ],
    [
      /missing/,
      (match) => {
        throw new SqlError('42P01', 'relation "missing" does not exist', { position: match.index });
      },
    ],
  ];
}
