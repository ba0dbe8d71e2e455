/** A database over one directory of files, and what its dead letters are. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatValue, plainContext } from '../../../common/textIo.ts';
import type { Row } from '../../../common/value.ts';
import type { Notice, QuerySink } from '../../../wire/port.ts';
import { afterCrash, dump, type Opened, open, START, temporaryDirectory } from '../journal/support.ts';

export class LetterPlace {
  readonly #place = temporaryDirectory('letters');
  readonly #clock: { now: bigint };
  #data: string;
  opened: Opened;

  private constructor(opened: Opened, data: string, clock: { now: bigint }) {
    this.opened = opened;
    this.#data = data;
    this.#clock = clock;
    mkdirSync(this.input);
  }

  static async make(): Promise<LetterPlace> {
    const clock = { now: START };
    const { path } = temporaryDirectory('letters-data');
    return new LetterPlace(await open(path, { now: () => clock.now }), path, clock);
  }

  get input(): string {
    return join(this.#place.path, 'in');
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.input, name), text);
  }

  append(name: string, text: string): void {
    appendFileSync(join(this.input, name), text);
  }

  with(extra = ''): string {
    return `WITH (connector = 'posix_fs', posix_fs.root = '${this.input}'${extra === '' ? '' : `, ${extra}`})`;
  }

  async run(sql: string): Promise<readonly Row[]> {
    const results = await this.opened.session.run(sql);
    return results[results.length - 1]?.rows ?? [];
  }

  /** Rows as text. */
  async text(sql: string): Promise<readonly string[]> {
    const results = await this.opened.session.run(sql);
    const last = results[results.length - 1];
    const columns = last?.columns ?? [];
    return (last?.rows ?? []).map((row) =>
      row
        .map((value, i) => {
          const type = columns[i]?.type;
          return value === null || type === undefined
            ? 'NULL'
            : formatValue(
                value,
                type,
                plainContext(() => 0n),
              );
        })
        .join(' | '),
    );
  }

  /** The command tag, and the notices. */
  async command(sql: string): Promise<readonly string[]> {
    const told: string[] = [];
    const sink: QuerySink = {
      notice: (notice: Notice) => told.push(`${notice.severity} ${notice.message}: ${notice.detail ?? ''}`),
      columns() {},
      rows() {},
      commandComplete: (tag: string) => told.push(tag),
      error: (error: Error) => told.push(error.message),
      emptyQuery() {},
    } as unknown as QuerySink;
    await this.opened.session.simpleQuery(sql, sink);
    return told;
  }

  async poll(): Promise<void> {
    this.#clock.now += 200_000n;
    for (let i = 0; i < 20 && (await this.opened.database.pollSources()); i++);
  }

  /** As a crash leaves it. What is shown before must be there again. */
  async restart(name: string): Promise<{ readonly before: unknown; readonly after: unknown }> {
    this.opened.journal.flush();
    const before = dump(this.opened.database);
    const copy = afterCrash(this.#data, name);
    this.opened.database.close();
    this.opened = await open(copy, { now: () => this.#clock.now });
    this.#data = copy;
    return { before, after: dump(this.opened.database) };
  }

  close(): void {
    this.opened.database.close();
    this.#place.remove();
  }
}
