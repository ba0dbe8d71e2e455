/**
 * The documents hold: every path and npm script that they name exists, the README's tutorial gives what it prints, the
 * examples run, the generated pages are up to date.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { lookupsPage } from '../scripts/lookupPages.ts';
import { functionsPage, sourcesPage } from '../scripts/referencePages.ts';
import { sinksPage } from '../scripts/sinkPages.ts';
import { root, runProgram, startInProcess, type TestServer } from './harness/server.ts';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = [
  'README.md',
  'CHANGELOG.md',
  'bench/README.md',
  ...globSync('docs/**/*.md', { cwd: root }),
].sort();

/** Names in backticks that look like files or folders of the repository. */
function namedPaths(text: string): readonly string[] {
  const prose = text.replace(/^```.*?^```/gms, '');
  return [...prose.matchAll(/`((?:[\w.-]+\/)+[\w.*-]*|[\w-]+\.(?:md|json|ts|mjs))`/g)].map((m) => m[1] ?? '');
}

function linkedPaths(text: string): readonly string[] {
  return [...text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((m) => m[1] ?? '');
}

describe.each(documents)('%s', (document) => {
  const text = read(document);

  it('links to what exists', () => {
    const missing = linkedPaths(text).filter((path) => !existsSync(join(root, dirname(document), path)));
    expect(missing).toEqual([]);
  });

  it('names files that exist', () => {
    const made = /^(\.\/)?(millrace-data|backups|spill)\/?$/;
    const missing = namedPaths(text).filter((path) => {
      if (made.test(path)) return false;
      const pattern = path.includes('/')
        ? normalize(path)
        : `{*,{bin,common,connector,executor,parser,planner,server,storage,test,wire}/**/*}`;
      return !globSync(pattern, { cwd: root }).some(
        (found) => path.includes('/') || basename(found) === path,
      );
    });
    expect(missing).toEqual([]);
  });

  it('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const named = [...text.matchAll(/npm (?:run )?(start|test|[a-z]+)\b/g)].map((m) => m[1] ?? '');
    const missing = named.filter((name) => !(name in scripts) && !['ci', 'install'].includes(name));
    expect(text.includes('npm run') ? missing : []).toEqual([]);
  });
});

interface Step {
  readonly sql: string;
  readonly output: string;
}

/** Each ```sql block with the ```text block that follows it. */
function tutorial(): readonly Step[] {
  return [...read('README.md').matchAll(/^```sql\n(.*?)^```\n\s*^```text\n(.*?)^```/gms)].map((m) => ({
    sql: m[1] ?? '',
    output: m[2] ?? '',
  }));
}

/** psql prints an empty line after each table, and errors with the place they were at. */
const plain = (text: string): string => text.replace(/^psql:\S+: /gm, '').trimEnd();

describe('the README tutorial', () => {
  const psql = spawnSync('psql', ['--version']).status === 0;
  const clients = psql ? (['millrace sql', 'psql'] as const) : (['millrace sql'] as const);
  if (!psql) {
    it('is tested with psql where it is installed; it is missing here', () => {
      expect(process.env.MILLRACE_REQUIRE_SERVERS, 'psql is required but missing').not.toBe('1');
    });
  }

  it('has its steps', () => {
    expect(tutorial().length).toBeGreaterThanOrEqual(8);
    expect(read('README.md').match(/^```sql$/gm)).toHaveLength(tutorial().length);
  });

  it.each(clients)('prints what it says in %s', async (client) => {
    const server = await startInProcess();
    /** In one piece and one order: out and err together, as in a terminal. */
    const run = async (sql: string): Promise<string> => {
      if (client === 'psql') return runPsql(server, sql);
      const done = await runProgram(['sql', '--url', server.url], sql);
      return plain(done.stdout + done.stderr);
    };
    try {
      for (const { sql, output } of tutorial()) {
        let got = await run(sql);
        // A stream takes a moment; a statement that changes nothing may be asked again.
        for (let i = 0; i < 100 && got !== plain(output) && /^\s*SELECT\b[^;]*;\s*$/.test(sql); i++) {
          await sleep(100);
          got = await run(sql);
        }
        expect(got).toBe(plain(output));
      }
    } finally {
      await server.close();
    }
  });
});

/** psql as a child of this process, which serves it: it must not block. */
async function runPsql(server: TestServer, sql: string): Promise<string> {
  const { spawn } = await import('node:child_process');
  const child = spawn('sh', ['-c', `psql -X -f - -h 127.0.0.1 -p ${server.pgPort} -U root -d dev 2>&1`], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, PGOPTIONS: '', PAGER: '' },
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  child.stdin.end(sql);
  await new Promise((resolve) => child.on('close', resolve));
  return plain(text);
}

describe('docs/time.md', () => {
  it('has statements that run, one after the other', async () => {
    const blocks = [...read('docs/time.md').matchAll(/^```sql\n(.*?)^```/gms)].map((m) => m[1] ?? '');
    expect(blocks.length).toBeGreaterThan(4);
    const server = await startInProcess();
    const done = await runProgram(['sql', '--url', server.url], blocks.join('\n'));
    await server.close();
    expect(done).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('docs/connectors/file-sink.md', () => {
  it('writes what it says', async () => {
    const text = read('docs/connectors/file-sink.md');
    const directory = mkdtempSync(join(tmpdir(), 'millrace-filesink-'));
    const [, sql = ''] = /^```sql\n(.*?)^```/ms.exec(text) ?? [];
    const [, lines] = /^```text\n(.*?)^```/ms.exec(text) ?? [];
    const server = await startInProcess();
    const path = join(directory, 'out');
    const done = await runProgram(['sql', '--url', server.url], sql.replace('/tmp/millrace-totals', path));
    expect(done).toMatchObject({ code: 0, stderr: '' });
    await server.close();
    const parts = globSync('part-*', { cwd: path }).sort();
    expect(parts.map((part) => readFileSync(join(path, part), 'utf8')).join('')).toBe(lines);
    rmSync(directory, { recursive: true });
  });
});

describe('examples', () => {
  it.each(globSync('examples/*.sql', { cwd: root }).sort())('%s runs', async (file) => {
    const fresh = await startInProcess();
    const done = await runProgram(['sql', '--url', fresh.url, '-f', join(root, file)]);
    await fresh.close();
    expect(done.code).toBe(0);
    // Warnings of unbounded state are part of what an example may show.
    expect(done.stderr.replace(/^(WARNING|DETAIL|HINT): .*\n/gm, '')).toBe('');
  });
});

describe('generated pages', () => {
  it('docs/sql/functions.md is what the registry says (scripts/writeReference.ts writes it)', () => {
    expect(read('docs/sql/functions.md')).toBe(functionsPage());
  });

  it('docs/sql/sources.md is what the connectors say (scripts/writeReference.ts writes it)', () => {
    expect(read('docs/sql/sources.md')).toBe(sourcesPage());
  });

  it('docs/sql/sinks.md is what the connectors say (scripts/writeReference.ts writes it)', () => {
    expect(read('docs/sql/sinks.md')).toBe(sinksPage());
    expect(read('docs/sql/lookups.md')).toBe(lookupsPage());
  });
});
