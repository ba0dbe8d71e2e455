/**
 * The `http` sink: changes go to a web server in requests, one after the other, so that the changes of a key keep their order.
 * At least once: HTTP has no transactions. A repetition can be told: every request has an `Idempotency-Key` that names the
 * changes in it, and every change an id (identity, epoch, number) that `id_field` puts into it.
 */
import { quoteJson } from '../../common/jsonText.ts';
import { type SinkEncoder, sinkEncoder } from '../encoders/encoder.ts';
import type { SinkBatch, SinkConfig, SinkConnector, SinkTransaction, SinkWriter } from '../sink.ts';
import { type HttpTarget, httpOptions, httpTarget } from './httpOptions.ts';
import { checkReachable, Sender } from './request.ts';

const CONNECT_MS = 10_000;

/** A change on its way. */
interface Item {
  readonly id: string;
  readonly text: string;
}

class HttpWriter implements SinkWriter {
  readonly #config: SinkConfig;
  readonly #target: HttpTarget;
  readonly #encoder: SinkEncoder;
  readonly #closed = new AbortController();
  readonly #sender: Sender;

  constructor(config: SinkConfig) {
    this.#config = config;
    this.#target = httpTarget(config.options);
    this.#encoder = sinkEncoder(config);
    this.#sender = new Sender(this.#target, this.#closed.signal);
  }

  async recover(): Promise<null> {
    await checkReachable(this.#target, Math.min(CONNECT_MS, this.#target.timeoutMillis));
    return null;
  }

  begin(): Promise<SinkTransaction> {
    let items: Item[] = [];
    const send = async (least: number): Promise<void> => {
      const { rows } = this.#target;
      while (items.length >= least && items.length > 0) {
        await this.#send(items.slice(0, rows));
        items = items.slice(rows);
      }
    };
    return Promise.resolve({
      write: (batch: SinkBatch) => {
        items.push(...this.#items(batch));
        return send(this.#target.rows);
      },
      prepare: () => Promise.resolve(),
      commit: () => send(1),
      abort: () => Promise.resolve(),
    });
  }

  *#items(batch: SinkBatch): Generator<Item> {
    const { identity, format } = this.#config;
    const { epoch, first, changes } = batch;
    for (let i = 0; i < changes.length; i++) {
      const change = changes[i];
      if (change === undefined) continue;
      const id = `${identity}-${epoch}-${first + i}`;
      for (const { key, value } of this.#encoder.records({ ...batch, first: first + i, changes: [change] })) {
        const json = format === 'UPSERT' ? `{"key":${key ?? 'null'},"value":${value ?? 'null'}}` : `${value}`;
        yield { id, text: this.#identified(json, id) };
      }
    }
  }

  /** The object with its id. */
  #identified(json: string, id: string): string {
    const { idField } = this.#target;
    if (idField === null) return json;
    const rest = json.slice(1);
    return `{${quoteJson(idField)}:${quoteJson(id)}${rest === '}' ? '' : ','}${rest}`;
  }

  async #send(items: readonly Item[]): Promise<void> {
    const [first] = items;
    const last = items[items.length - 1];
    if (first === undefined || last === undefined) return;
    const { body } = this.#target;
    // The changes of a repeated request may be cut otherwise: then they have another name, and none is taken for done.
    const id = first === last ? first.id : `${first.id}..${last.id.split('-').slice(1).join('-')}`;
    const texts = items.map((item) => item.text);
    if (body === 'ndjson') await this.#sender.send(`${texts.join('\n')}\n`, 'application/x-ndjson', id);
    else
      await this.#sender.send(body === 'row' ? texts.join() : `[${texts.join(',')}]`, 'application/json', id);
  }

  close(): Promise<void> {
    this.#closed.abort();
    return Promise.resolve();
  }
}

export const httpSink: SinkConnector = {
  name: 'http',
  doc: 'Requests to a web server (webhooks), in order, with a key by which repetitions are told.',
  options: httpOptions,
  formats: ['PLAIN JSON', 'UPSERT JSON', 'DEBEZIUM JSON'],
  guarantee: 'at least once',
  batching: (options) => ({
    rows: httpTarget(options).rows,
    millis: Number(options.get('linger_seconds') ?? 0) * 1000,
  }),
  open: async (config) => new HttpWriter(config),
};
