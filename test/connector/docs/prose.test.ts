/** Statements that docs/connectors/secrets.md and dead-letters.md have in tables and in their prose. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryDirectory } from '../../server/journal/support.ts';
import { eventually, inProse, withServer } from './support.ts';

/** The form with what stands for something else replaced. */
function filled(
  page: string,
  form: string,
  ...words: readonly (readonly [from: string, to: string])[]
): string {
  return words.reduce(
    (text, [from, to]) => {
      expect(text).toContain(from);
      return text.replace(from, to);
    },
    inProse(page, form),
  );
}

it('secrets.md: every form of its table', async () => {
  const page = 'secrets.md';
  const create = "CREATE SECRET [IF NOT EXISTS] name [WITH (backend = 'meta')] AS 'value'";
  await withServer(async (client) => {
    await client.tags(
      filled(page, create, ['[IF NOT EXISTS] ', ''], ['name', 'a'], ["[WITH (backend = 'meta')] ", '']),
    );
    const again = filled(page, create, ['[', ''], [']', ''], ['name', 'a'], ['[', ''], [']', '']);
    await client.tags(again);
    await client.tags("CREATE SECRET b AS 'other'");
    const option = filled(page, 'option = SECRET name', ['option', 'token'], ['name', 'a']);
    await client.tags(`CREATE TABLE inbox (id int) WITH (connector = 'webhook', ${option})`);
    await client.tags(filled(page, "ALTER SECRET name AS 'value'", ['name', 'a']));
    await client.tags(filled(page, 'ALTER SECRET name OWNER TO role', ['name', 'a'], ['role', 'root']));
    await client.tags(filled(page, "COMMENT ON SECRET name IS '...'", ['name', 'a']));
    const show = filled(page, 'SHOW SECRETS [FROM schema]', ['[', ''], ['schema]', 'public']);
    expect(await client.rows(show)).toEqual([['a'], ['b']]);
    for (const catalog of ['millrace_catalog.secrets', 'rw_catalog.rw_secrets']) {
      expect(await client.rows(`SELECT name FROM ${inProse(page, catalog)} ORDER BY name`)).toEqual([
        ['a'],
        ['b'],
      ]);
    }
    const drop = 'DROP SECRET [IF EXISTS] name [, ...] [CASCADE]';
    const plain = filled(page, drop, [' [IF EXISTS]', ''], ['name [, ...] [CASCADE]', 'a']);
    await expect(client.tags(plain)).rejects.toMatchObject({ code: '2BP01' });
    await client.tags(
      filled(page, drop, ['[IF EXISTS]', 'IF EXISTS'], ['name [, ...]', 'a, b, c'], ['[CASCADE]', 'CASCADE']),
    );
    await expect(client.rows('SELECT * FROM inbox')).rejects.toMatchObject({ code: '42P01' });
  });
});

it('dead-letters.md: a source that stands, and letters by condition', async () => {
  const page = 'dead-letters.md';
  const directory = temporaryDirectory('letters-page');
  const place = join(directory.path, 'in');
  mkdirSync(place);
  writeFileSync(join(place, 'a.jsonl'), '{"id": 1}\n{"id": "x"}\n{"id": 3}\n');
  await withServer(async (client) => {
    await client.tags(`CREATE TABLE orders (id int, note text) WITH (connector = 'posix_fs', posix_fs.root = '${place}',
      on_error = 'fail') FORMAT PLAIN ENCODE JSON`);
    const state = () => client.rows("SELECT state FROM millrace_catalog.sources WHERE name = 'orders'");
    await eventually(state, [['paused']]);
    const kind: readonly [string, string] = ['SOURCE | TABLE name', 'TABLE orders'];
    await client.tags(filled(page, 'ALTER SOURCE | TABLE name RESUME', kind));
    await eventually(state, [['paused']]);
    await client.tags(filled(page, "ALTER SOURCE | TABLE name CONNECTOR WITH (on_error = 'skip')", kind));
    await client.tags(filled(page, 'ALTER SOURCE | TABLE name RESUME', kind));
    const ids = () => client.rows('SELECT id FROM orders ORDER BY id');
    await eventually(ids, [['1'], ['3']]);
    appendFileSync(join(place, 'a.jsonl'), '{"id": "y"}\n');
    const letters = () => client.rows('SELECT count(*) FROM millrace_dead.orders');
    await eventually(letters, [['2']]);
    await client.tags("ALTER TABLE orders CONNECTOR WITH (on_error = 'null')");
    const some = filled(
      page,
      'REPROCESS DEAD LETTERS FROM name [WHERE condition]',
      ['name', 'orders'],
      ['[WHERE condition]', "WHERE convert_from(value, 'UTF8') LIKE '%y%'"],
    );
    expect(await client.tags(some)).toEqual(['REPROCESS 1']);
    expect(await ids()).toEqual([['1'], ['3'], [null]]);
    const counts = 'SELECT retained, nulled_fields FROM millrace_catalog.dead_letters';
    expect((await client.rows(counts)).length).toBe(1);
  });
  directory.remove();
});
