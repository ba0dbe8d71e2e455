/** Secrets over restarts and backups: what is on the disk, with which key, and what is said when the key is missing. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { must } from '../../../common/assert.ts';
import { restoreBackup } from '../../../server/backup/restore.ts';
import { KEY_FILE } from '../../../server/secrets/secretKey.ts';
import { temporaryDirectory } from '../journal/support.ts';
import { failureOf, SecretWorld } from './support.ts';

const VALUE = 'correct-horse-battery';

async function withWorld(body: (world: SecretWorld) => Promise<void>): Promise<void> {
  const directory = temporaryDirectory('secrets');
  const world = new SecretWorld(directory.path);
  try {
    await body(world);
  } finally {
    await world.close();
    rmSync(directory.path, { recursive: true, force: true });
  }
}

/** Files of the directory that have the value in readable form. */
function readable(world: SecretWorld): readonly string[] {
  return readdirSync(world.directory).filter((name) => {
    const path = join(world.directory, name);
    return statSync(path).isFile() && readFileSync(path).includes(VALUE);
  });
}

async function make(world: SecretWorld): Promise<void> {
  await world.run("CREATE TABLE t (id int PRIMARY KEY); CREATE SECRET p AS 'first'; CREATE SCHEMA a");
  await world.run("CREATE SINK k FROM t WITH (connector = 'target', headers.x = SECRET p)");
  // Named for the first time by something older than it is.
  await world.run("CREATE SECRET q AS '7'; ALTER SINK k CONNECTOR WITH (port = SECRET q)");
  await world.run(`ALTER SECRET p AS '${VALUE}'; COMMENT ON SECRET p IS 'of the target'`);
  // Would be found first, had it been there.
  await world.run("CREATE SECRET a.p AS 'another'");
}

function options(world: SecretWorld): readonly (string | undefined)[] {
  const { options: given } = must(world.database.sinks.list()[0]).runtime.shape;
  return [given.get('headers.x'), given.get('port')];
}

describe('values of secrets on disk', () => {
  it('come back from journal and checkpoint, and are not to be read there', () =>
    withWorld(async (world) => {
      await world.open();
      expect(existsSync(join(world.directory, KEY_FILE))).toBe(false);
      await make(world);
      expect(statSync(join(world.directory, KEY_FILE)).mode & 0o777).toBe(0o600);
      expect(readable(world)).toEqual([]);
      // From the journal alone, as after a crash.
      const crashed = new SecretWorld(join(world.path, 'crash'));
      await world.database.exclusive(() => {
        world.database.journal?.flush();
        copyInto(world.directory, crashed.directory);
      });
      await crashed.open();
      expect(options(crashed)).toEqual([VALUE, '7']);
      await crashed.close();
      // From a checkpoint.
      await world.checkpoint();
      await world.close();
      await world.open();
      expect(options(world)).toEqual([VALUE, '7']);
      expect(readable(world)).toEqual([]);
      const p = must(world.database.secrets.find('public', 'p', []));
      expect(world.database.catalog.comment(p.id)).toBe('of the target');
      expect(
        await world.run('SELECT schema, name, used_by[1] FROM millrace_catalog.secrets ORDER BY 1, 2'),
      ).toEqual([
        ['a', 'p', null],
        ['public', 'p', 'public.k'],
        ['public', 'q', 'public.k'],
      ]);
    }));

  it('keep what a name meant when it was written', () =>
    withWorld(async (world) => {
      await world.open();
      await world.run("CREATE TABLE t (id int PRIMARY KEY); CREATE SCHEMA a; CREATE SECRET p AS 'meant'");
      await world.run(
        "SET search_path = a, public; CREATE SINK k FROM public.t WITH (connector = 'target', headers.x = SECRET p)",
      );
      await world.run("CREATE SECRET a.p AS 'younger'");
      await world.checkpoint();
      await world.close();
      await world.open();
      expect(options(world)[0]).toBe('meant');
    }));

  it('need their key in a restored backup', () =>
    withWorld(async (world) => {
      await world.open();
      await make(world);
      const file = join(world.path, 'backup');
      await world.run(`BACKUP TO '${file}'`);
      expect(readFileSync(file).includes(VALUE)).toBe(false);
      const restored = new SecretWorld(join(world.path, 'restored'));
      restoreBackup(file, restored.directory);
      await expect(restored.open()).rejects.toMatchObject({
        state: '55000',
        message: expect.stringMatching(/^the value of secret ".*" cannot be read$/),
        detail: expect.stringContaining(KEY_FILE),
        hint: expect.stringContaining('MILLRACE_SECRET_KEY'),
      });
      // Another key is none.
      await expect(restored.open({ key: '0'.repeat(64) })).rejects.toMatchObject({
        detail: 'It was kept with another key.',
      });
      copyFileSync(join(world.directory, KEY_FILE), join(restored.directory, KEY_FILE));
      await restored.open();
      expect(options(restored)).toEqual([VALUE, '7']);
      await restored.close();
    }));

  it('can be given again when the key is lost', () =>
    withWorld(async (world) => {
      await world.open();
      await world.run("CREATE TABLE t (id int PRIMARY KEY); CREATE SECRET p AS 'first'");
      await world.run("CREATE SINK k FROM t WITH (connector = 'target', headers.x = SECRET p)");
      await world.close();
      rmSync(join(world.directory, KEY_FILE));
      await expect(world.open()).rejects.toMatchObject({ state: '55000' });
      await world.open({ acceptLoss: true });
      expect(world.log).toContain('the value of secret "public.p" cannot be read');
      expect(options(world)).toEqual([undefined, '1']);
      const again = "CREATE SINK n FROM t WITH (connector = 'target', headers.x = SECRET p)";
      expect(await failureOf(world.database, again)).toBe('55000 secret "p" has no value');
      expect(await world.run('SELECT has_value FROM millrace_catalog.secrets')).toEqual([[false]]);
      await world.run("ALTER SECRET p AS 'again'");
      await world.close();
      await world.open();
      expect(options(world)[0]).toBe('again');
    }));

  it('change over to a key that the operator sets', () =>
    withWorld(async (world) => {
      await world.open();
      await make(world);
      await world.close();
      const key = 'ab'.repeat(32);
      await world.open({ key });
      await world.run("ALTER SECRET q AS '8'");
      await world.checkpoint();
      await world.close();
      rmSync(join(world.directory, KEY_FILE));
      await world.open({ key });
      expect(options(world)).toEqual([VALUE, '8']);
      await world.close();
      await expect(world.open({ key: 'short' })).rejects.toMatchObject({ state: '22023' });
      writeFileSync(join(world.directory, KEY_FILE), 'nonsense');
      await expect(world.open()).rejects.toMatchObject({ state: 'XX001' });
    }));
});

function copyInto(from: string, to: string): void {
  const files = readdirSync(from).filter((name) => statSync(join(from, name)).isFile());
  mkdirSync(to, { recursive: true });
  for (const name of files) copyFileSync(join(from, name), join(to, name));
}
