/** Connections to a test server with rows as the text that the server sent. */
import pg from 'pg';

export type TextRow = readonly (string | null)[];

const asText = { getTypeParser: () => (value: string) => value };

export class Connection {
  readonly client: pg.Client;
  readonly notices: string[] = [];

  constructor(url: string) {
    this.client = new pg.Client({ connectionString: url });
    this.client.on('error', () => {});
    this.client.on('notice', (n) => this.notices.push(`${n.code} ${n.message}`));
  }

  /** Rows of a statement as simple query. */
  async rows(sql: string): Promise<readonly TextRow[]> {
    const result = await this.client.query({ text: sql, rowMode: 'array', types: asText });
    return result.rows as TextRow[];
  }

  /** The first column of the only row. */
  async value(sql: string): Promise<string | null> {
    const [row] = await this.rows(sql);
    return row?.[0] ?? null;
  }

  /** SQLSTATE of a statement that must fail, or `done`. */
  async state(sql: string): Promise<string> {
    return (await this.failure(sql))?.code ?? 'done';
  }

  async failure(sql: string): Promise<pg.DatabaseError | null> {
    try {
      await this.client.query(sql);
      return null;
    } catch (error) {
      if (error instanceof pg.DatabaseError) return error;
      throw error;
    }
  }

  /** Command tags of all statements of a string. */
  async tags(sql: string): Promise<readonly string[]> {
    const results: unknown = await this.client.query(sql);
    const list = (Array.isArray(results) ? results : [results]) as readonly pg.QueryResult[];
    return list.map((r) => (r.rowCount === null ? r.command : `${r.command} ${r.rowCount}`));
  }

  end(): Promise<void> {
    return this.client.end();
  }
}

/** Opens connections that are all closed by `close`. */
export class Connections {
  readonly #url: string;
  readonly #open: Connection[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  async connect(): Promise<Connection> {
    const connection = new Connection(this.#url);
    await connection.client.connect();
    this.#open.push(connection);
    return connection;
  }

  async close(): Promise<void> {
    for (const connection of this.#open) await connection.end().catch(() => {});
  }
}
