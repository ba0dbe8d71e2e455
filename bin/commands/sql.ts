/** `millrace sql`: runs statements against a server and prints the answers as psql does. Stops at the first error. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import pg from 'pg';
import { failureText } from '../output/failure.ts';
import { splitStatements } from '../output/splitStatements.ts';
import { formatReport, type Report } from '../output/sqlFailure.ts';
import { formatTable } from '../output/table.ts';

export const DEFAULT_URL = 'postgres://root@127.0.0.1:4566/dev';

interface SqlOptions {
  readonly command: readonly string[];
  readonly file: readonly string[];
  readonly url: string;
}

/** oids of types that psql aligns to the right: integers, floats, numeric, oid, money, xid, cid. */
const rightAligned: ReadonlySet<number> = new Set([20, 21, 23, 26, 28, 29, 700, 701, 790, 1700]);

/** Text as the server sent it: a client's own reading of a value would change it. */
export const rawTypes: pg.CustomTypesConfig = { getTypeParser: () => (value: string | Buffer) => value };

/** Prints one result: its rows, or the command tag when it returns none. */
function printResult(result: pg.QueryArrayResult, tag: string): void {
  if (result.fields.length === 0 && !tag.startsWith('SELECT')) {
    process.stdout.write(`${tag}\n`);
    return;
  }
  const columns = result.fields.map((f) => ({ name: f.name, right: rightAligned.has(f.dataTypeID) }));
  process.stdout.write(`${formatTable(columns, result.rows as (string | null)[][])}\n`);
}

/** The protocol's events below the client: its results keep only the first word of a command tag. */
interface WireEvents {
  readonly connection: {
    on(event: 'commandComplete', listener: (message: { readonly text: string }) => void): void;
  };
}

/** Runs statements one by one; false at the first that fails. */
async function runStatements(client: pg.Client, sql: string): Promise<boolean> {
  let tag = '';
  (client as unknown as WireEvents).connection.on('commandComplete', (message) => {
    tag = message.text;
  });
  for (const statement of splitStatements(sql)) {
    const notice = (n: Report): void => {
      process.stderr.write(formatReport(n, statement));
    };
    client.on('notice', notice);
    try {
      const result = await client.query({ text: statement, rowMode: 'array' });
      printResult(result, tag);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      process.stderr.write(formatReport(error, statement));
      return false;
    } finally {
      client.off('notice', notice);
    }
  }
  return true;
}

async function runAll(options: SqlOptions): Promise<boolean> {
  const given = [
    ...options.command,
    ...options.file.map((name) => readFileSync(name === '-' ? 0 : name, 'utf8')),
  ];
  if (given.length === 0 && process.stdin.isTTY) process.stderr.write('Type SQL, then Ctrl-D to run it.\n');
  const texts = given.length > 0 ? given : [readFileSync(0, 'utf8')];
  const client = new pg.Client({ connectionString: options.url, types: rawTypes });
  client.on('error', () => {});
  await client.connect();
  try {
    for (const text of texts) if (!(await runStatements(client, text))) return false;
    return true;
  } finally {
    await client.end();
  }
}

const gather = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export function addSql(program: Command): void {
  program
    .command('sql')
    .description('run SQL against a running server; without -c and -f it is read from standard input')
    .option('-c, --command <sql>', 'statements to run (repeatable)', gather, [])
    .option('-f, --file <file>', 'file with statements to run, - for standard input (repeatable)', gather, [])
    .option('--url <url>', 'server to connect to', DEFAULT_URL)
    .action(async (options: SqlOptions) => {
      try {
        process.exitCode = (await runAll(options)) ? 0 : 1;
      } catch (error) {
        process.stderr.write(`millrace: ${failureText(error)}\n`);
        process.exitCode = 1;
      }
    });
}
