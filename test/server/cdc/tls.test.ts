/** TLS to a real PostgreSQL that has it: sources, sinks and lookup tables; authorities, names, client certificates, renewal. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, makeAuthority, pemText } from '../../../scripts/servers/certificates.ts';
import { type InProcessServer, root, startInProcess } from '../../harness/server.ts';
import type { Connection } from '../clients.ts';
import { connectTo, following, leftovers, type PostgresServer, startUpstream, until } from './support.ts';

let directory: string;
let trusted: Authority;
let other: Authority;
let server: PostgresServer | null = null;
let millrace: InProcessServer;
let here: Connection;
let there: Connection;

/** For the user that PostgreSQL runs as, and nobody else. */
function own(file: string): void {
  chmodSync(file, 0o600);
  if (process.getuid?.() !== 0) return;
  const id = (flag: string): number =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  chownSync(file, id('-u'), id('-g'));
}

/** The server's certificate is one of this authority, for names but not for its address. */
function certify(authority: Authority): void {
  const { certificateFile, keyFile } = authority.issue('db', { names: 'DNS:localhost,DNS:db.example' });
  for (const [from, to] of [
    [certificateFile, 'server.pem'],
    [keyFile, 'server.key'],
  ] as const) {
    copyFileSync(from, join(directory, to));
    own(join(directory, to));
  }
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
  chmodSync(directory, 0o755);
  trusted = makeAuthority(directory, 'trusted');
  other = makeAuthority(directory, 'other');
  certify(trusted);
  copyFileSync(trusted.caFile, join(directory, 'clients.pem'));
  writeFileSync(
    join(directory, 'hba'),
    [
      'local all all trust',
      'hostssl all certified 127.0.0.1/32 cert',
      'hostnossl all certified 127.0.0.1/32 reject',
      'host all all 127.0.0.1/32 trust',
      '',
    ].join('\n'),
  );
  for (const file of ['hba', 'clients.pem']) own(join(directory, file));
  server = await startUpstream([
    'ssl=on',
    ...['cert_file=server.pem', 'key_file=server.key', 'ca_file=clients.pem'].map(
      (setting) => `ssl_${setting.replace('=', `=${directory}/`)}`,
    ),
    `hba_file=${join(directory, 'hba')}`,
  ]);
  if (server === null) return;
  millrace = await startInProcess();
  here = await connectTo(millrace.url);
  there = await connectTo(await server.createDatabase('shop'));
  await there.rows(
    'CREATE ROLE certified SUPERUSER LOGIN; CREATE TABLE item (id int PRIMARY KEY, v int); INSERT INTO item VALUES (1, 10)',
  );
}, 60_000);

afterAll(async () => {
  await here?.end();
  await there?.end();
  await millrace?.close();
  server?.close();
  rmSync(directory, { recursive: true, force: true });
});

function installed(): boolean {
  if (server === null)
    expect(process.env.MILLRACE_REQUIRE_SERVERS, 'PostgreSQL is not installed').not.toBe('1');
  return server !== null;
}

interface Place {
  readonly host?: string;
  readonly user?: string;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function listed(options: Readonly<Record<string, string>>): string {
  return Object.entries(options)
    .map(([name, value]) => `${name} = ${value.startsWith('SECRET ') ? value : quoted(value)}`)
    .join(', ');
}

type Make = (name: string, tls: Readonly<Record<string, string>>, place?: Place) => string;

const source: Make = (name, tls, { host = '127.0.0.1', user = 'root' } = {}) =>
  `CREATE SOURCE ${name} WITH (${listed({ connector: 'postgres-cdc', hostname: host, port: String(server?.port), username: user, 'database.name': 'shop', ...tls })})`;

const sink: Make = (name, tls, { host = '127.0.0.1', user = 'root' } = {}) =>
  `CREATE SINK ${name} AS SELECT 1 AS id, 2 AS v WITH (${listed({ connector: 'postgres', host, port: String(server?.port), user, database: 'shop', table: `target_${name}`, 'create.table': 'true', primary_key: 'id', ...tls })})`;

const lookup: Make = (name, tls, { host = '127.0.0.1', user = 'root' } = {}) =>
  `CREATE TABLE ${name} (id int PRIMARY KEY, v int) WITH (${listed({ connector: 'postgres-lookup', host, port: String(server?.port), user, database: 'shop', table: 'item', ...tls })})`;

const kinds: readonly (readonly [string, Make, string])[] = [
  ['a source', source, 'SOURCE'],
  ['a sink', sink, 'SINK'],
  ['a lookup table', lookup, 'TABLE'],
];

describe.each(kinds)('%s', (_, make, object) => {
  const refused = async (sql: string): Promise<readonly unknown[]> => {
    const failure = await here.failure(sql);
    return [failure?.code, failure?.message, failure?.hint];
  };

  it('has TLS, and trusts whom it is told to', async () => {
    if (!installed()) return;
    const ca = trusted.caFile;
    const good: readonly (readonly [Readonly<Record<string, string>>, Place?])[] = [
      [{ 'ssl.mode': 'require' }],
      [{ 'ssl.mode': 'verify-ca', 'ssl.root.cert': ca }],
      [{ 'ssl.mode': 'verify-ca', 'ssl.root.cert': pemText(ca) }],
      [{ 'ssl.mode': 'verify-full', 'ssl.root.cert': ca }, { host: 'localhost' }],
      [{ 'ssl.mode': 'verify-full', 'ssl.root.cert': ca, 'ssl.server.name': 'db.example' }],
    ];
    for (const [tls, place] of good) {
      await here.rows(make('good', tls, place));
      // What was sent without TLS would be seen here.
      const plain = await there.rows(
        "SELECT a.application_name FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE a.application_name LIKE 'millrace%' AND NOT s.ssl",
      );
      expect(plain, JSON.stringify(tls)).toEqual([]);
      await here.rows(`DROP ${object} good`);
    }
    const untrusted = [
      { 'ssl.mode': 'verify-ca' },
      { 'ssl.mode': 'verify-ca', 'ssl.root.cert': other.caFile },
      { 'ssl.mode': 'verify-full', 'ssl.root.cert': other.caFile, 'ssl.server.name': 'db.example' },
    ];
    for (const tls of untrusted) {
      expect(await refused(make('bad', tls)), JSON.stringify(tls)).toEqual([
        '08001',
        expect.stringMatching(/^PostgreSQL at 127.0.0.1:\d+ has a certificate that is not trusted/),
        expect.stringContaining('ssl.root.cert'),
      ]);
    }
    expect(await refused(make('bad', { 'ssl.mode': 'verify-full', 'ssl.root.cert': ca }))).toEqual([
      '08001',
      expect.stringContaining('has a certificate for another name'),
      expect.stringContaining('ssl.server.name'),
    ]);
    expect(await refused(make('bad', { 'ssl.mode': 'verify-ca', 'ssl.root.cert': '/nowhere.pem' }))).toEqual([
      '58P01',
      expect.stringContaining('"ssl.root.cert"'),
      expect.anything(),
    ]);
    expect((await refused(make('bad', { 'ssl.mode': 'disable', 'ssl.root.cert': ca })))[0]).toBe('22023');
  });

  it('shows a client certificate', async () => {
    if (!installed()) return;
    const user = { user: 'certified' };
    const mine = trusted.issue('certified');
    const locked = trusted.issue('certified', { keyPassword: 'open me' });
    const foreign = other.issue('certified');
    const tls = { 'ssl.mode': 'verify-ca', 'ssl.root.cert': trusted.caFile };
    await here.rows(`CREATE SECRET client_key AS ${quoted(pemText(mine.keyFile))}`);
    const good = [
      { 'ssl.cert': locked.certificateFile, 'ssl.key': locked.keyFile, 'ssl.key.password': 'open me' },
    ];
    for (const more of good) {
      await here.rows(make('good', { ...tls, ...more }, user));
      await here.rows(`DROP ${object} good`);
    }
    const again = trusted.issue('certified');
    await here.rows(`ALTER SECRET client_key AS ${quoted(pemText(again.keyFile))}`);
    const sealed = { 'ssl.cert': pemText(again.certificateFile), 'ssl.key': 'SECRET client_key' };
    await here.rows(make('good', { ...tls, ...sealed }, user));
    await here.rows(`DROP ${object} good; DROP SECRET client_key`);
    const missing = await refused(make('bad', tls, user));
    expect(missing).toEqual(['28000', expect.stringMatching(/valid client certificate/), missing[2]]);
    const foreignTls = { ...tls, 'ssl.cert': foreign.certificateFile, 'ssl.key': foreign.keyFile };
    expect((await refused(make('bad', foreignTls, user)))[0]).toBe('28000');
    expect(await refused(make('bad', { ...tls, 'ssl.cert': again.certificateFile }, user))).toEqual([
      '22023',
      expect.stringContaining('needs the option "ssl.key"'),
      undefined,
    ]);
    const mixed = { ...tls, 'ssl.cert': again.certificateFile, 'ssl.key': foreign.keyFile };
    expect((await refused(make('bad', mixed, user)))[0]).toBe('22023');
  });
});

it('the statement of the page', async () => {
  if (!installed()) return;
  const page = readFileSync(join(root, 'docs/connectors/postgres-cdc.md'), 'utf8');
  const [, statement = ''] = /```sql\n(CREATE SOURCE shop WITH \([^`]*ssl\.cert[^`]*)```/.exec(page) ?? [];
  const mine = trusted.issue('certified');
  const values: readonly (readonly [string, string])[] = [
    ["hostname = 'db.example'", `hostname = 'localhost', port = '${server?.port}'`],
    ["username = 'millrace'", "username = 'certified'"],
    ['/etc/ssl/db-ca.pem', trusted.caFile],
    ['/etc/ssl/millrace.pem', mine.certificateFile],
    ['/etc/ssl/millrace.key', mine.keyFile],
  ];
  let sql = statement;
  for (const [from, to] of values) {
    expect(sql).toContain(from);
    sql = sql.replace(from, to);
  }
  await here.rows(sql);
  await here.rows('DROP SOURCE shop');
});

it('a certificate that is renewed by another authority stops the source until that is trusted', async () => {
  if (!installed() || server === null) return;
  const file = join(directory, 'renewed.pem');
  copyFileSync(trusted.caFile, file);
  await here.rows(source('pg', { 'ssl.mode': 'verify-ca', 'ssl.root.cert': file }));
  await here.rows("CREATE TABLE item (*) FROM pg TABLE 'item'");
  await following(here, 'item');
  certify(other);
  await there.end();
  server.stop('immediate');
  server.start();
  there = await connectTo(server.url('shop'));
  await there.rows('INSERT INTO item VALUES (2, 20)');
  await until(
    () => here.value('SELECT paused_reason FROM millrace_catalog.cdc_sources'),
    (reason) => reason?.includes('not trusted') === true,
  );
  // The file is read anew; without RESUME the next try would find it too.
  copyFileSync(other.caFile, file);
  await here.rows('ALTER SOURCE pg RESUME');
  await until(
    () => here.value('SELECT sum(v) FROM item'),
    (sum) => sum === '30',
  );
  await here.rows('DROP SOURCE pg CASCADE');
  expect(await leftovers(there)).toEqual([]);
}, 120_000);
