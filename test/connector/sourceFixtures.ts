/**
 * Servers for the conformance suite of sources, one fixture for each connector. A message is a JSON object {"id", "v"}; every source
 * reads a place of its own (a topic, a stream, a directory, a table) that is named after it. Whatever has a password has `secret` in
 * it, so that the suite can look for it where it must not be.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers } from '@nats-io/transport-node';
import { connectAsync } from 'mqtt';
import { mosquitto, startMosquitto } from '../../scripts/servers/mosquitto.ts';
import { nats as natsKind, startNats } from '../../scripts/servers/nats.ts';
import type { ServerProcess } from '../../scripts/servers/server.ts';
import type { Options } from './sinkFixtures.ts';

/** What an INCLUDE clause makes of the message that `sendRich` sends. */
export interface Included {
  readonly field: string;
  /** After INCLUDE. */
  readonly clause: string;
  /** As information_schema has it. */
  readonly type: string;
  readonly value: RegExp;
}

export interface SourcePlace {
  readonly kind: 'SOURCE' | 'TABLE';
  readonly columns: string;
  /** FORMAT and ENCODE, or nothing. */
  readonly clause: string;
  /** For a source of this name. */
  options(name: string): Options;
  /** Makes its place, empty. */
  prepare(name: string): Promise<void>;
  /** One message each, in this order; resolves when the server has them. `http`: where Millrace listens now. */
  send(name: string, texts: readonly string[], http: () => string): Promise<void>;
  /** What leads to nobody; null: there is no such thing. */
  readonly unreachable: Options | null;
  readonly wrongPassword: Options | null;
  /** A topic, stream, table or directory that is not there, and the SQLSTATE; null: there is no such thing. */
  readonly missing: { readonly options: Options; readonly state: string } | null;
  /** The server goes away and comes back with what it had. `once`: no message comes twice after that. */
  readonly outage: { readonly once: boolean; stop(): Promise<void>; start(): Promise<void> } | null;
  /** What on_error = 'fail' does with a message that cannot be used: the source stops before it, or its sender is told; null: there are none. */
  readonly onFail: 'stops' | 'refuses' | null;
  /** A message that is no record at all; null: its sender is told. */
  readonly garbage: string | null;
  /** Partition of `millrace_catalog.source_partitions`; null: it has no rows there. */
  readonly partition: ((name: string) => string) | null;
  /** A further query that says how far a source of this name is, and its rows when there is nothing more. */
  progress?(name: string): { readonly sql: string; readonly rows: readonly unknown[] };
  readonly included: readonly Included[];
  /** A message with id 1 that has what `included` names. */
  sendRich?(name: string): Promise<void>;
  /** Only Millrace connects to it while the suite is quiet; null: it is no server. */
  readonly port: number | null;
  /** After DROP, what is left over there of this name must be this. */
  leftovers?(name: string): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

export interface SourceFixture {
  readonly connector: string;
  /** What has to be installed; null: it is. */
  missing(): string | null;
  /** `directory`: an empty one. */
  start(directory: string): Promise<SourcePlace>;
}

/** In every password here. */
export const SECRET = 'sesame';

const json = 'FORMAT PLAIN ENCODE JSON';

const files: SourceFixture = {
  connector: 'posix_fs',
  missing: () => null,
  start: async (directory) => ({
    kind: 'SOURCE',
    columns: 'id int, v int',
    clause: json,
    options: (name) => ({ 'posix_fs.root': join(directory, name), match_pattern: '*.jsonl' }),
    prepare: async (name) => {
      mkdirSync(join(directory, name));
    },
    send: async (name, texts) => {
      appendFileSync(join(directory, name, 'a.jsonl'), texts.map((text) => `${text}\n`).join(''));
    },
    unreachable: null,
    wrongPassword: null,
    missing: { options: { 'posix_fs.root': join(directory, 'nowhere') }, state: '58P01' },
    outage: null,
    onFail: 'stops',
    garbage: 'not json',
    partition: null,
    included: [],
    port: null,
    close: async () => {},
  }),
};

/** Posts one message a request until the server has taken it, as a careful sender does. */
async function post(url: string, path: string, text: string, key: string): Promise<number> {
  try {
    const { status } = await fetch(`${url}/webhook/dev/public/${path}`, {
      method: 'POST',
      body: text,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${SECRET}`,
        'idempotency-key': key,
      },
    });
    return status;
  } catch {
    return 0;
  }
}

const webhook: SourceFixture = {
  connector: 'webhook',
  missing: () => null,
  start: async () => {
    let sent = 0;
    return {
      kind: 'TABLE',
      columns: 'id int, v int',
      clause: '',
      options: () => ({ token: SECRET }),
      prepare: async () => {},
      send: async (name, texts, http) => {
        for (const text of texts) {
          const key = `m${++sent}`;
          let status = await post(http(), name, text, key);
          // Nobody is there, it is starting, or it is paused: a sender tries again.
          for (let tries = 0; tries < 400 && (status === 0 || status === 503 || status === 429); tries++) {
            await sleep(50);
            status = await post(http(), name, text, key);
          }
          if (status !== 200) throw new Error(`status ${status}`);
        }
      },
      unreachable: null,
      wrongPassword: null,
      missing: null,
      outage: null,
      onFail: 'refuses',
      garbage: null,
      partition: null,
      included: [],
      port: null,
      close: async () => {},
    };
  },
};

function outageOf(server: ServerProcess, once: boolean): SourcePlace['outage'] {
  return { once, stop: () => server.stop(), start: () => server.start() };
}

/** Of user reader: `sesame`, as mosquitto_passwd writes it. */
const mosquittoPasswords =
  'reader:$7$101$t0KmSmirHBhWp3T0$rGKkboUzkjpIvB8TTvOuE0PEV09C89m+WUg1lyBEBiNv/v4tkTSmdD11j56WRuHCZiP8zUCv/SP42eXZsO0LYA==\n';

const mqtt: SourceFixture = {
  connector: 'mqtt',
  missing: () => (mosquitto.installed() ? null : mosquitto.needs),
  start: async () => {
    const server = await startMosquitto(['max_queued_messages 0'], mosquittoPasswords);
    const client = () =>
      connectAsync(server.url, {
        reconnectPeriod: 0,
        username: 'reader',
        password: SECRET,
        protocolVersion: 5,
      });
    return {
      kind: 'SOURCE',
      columns: 'id int, v int',
      clause: json,
      options: (name) => ({
        url: server.url,
        topic: `${name}/#`,
        qos: '2',
        username: 'reader',
        password: SECRET,
      }),
      prepare: async () => {},
      send: async (name, texts) => {
        const publisher = await client();
        for (const text of texts) await publisher.publishAsync(`${name}/a`, text, { qos: 2 });
        await publisher.endAsync();
      },
      unreachable: { url: 'mqtt://127.0.0.1:1' },
      wrongPassword: { password: `${SECRET}-wrong` },
      missing: null,
      // What the broker has on its disk of sessions may be older than what it has been told.
      outage: outageOf(server, false),
      onFail: 'stops',
      garbage: 'not json',
      partition: () => '0',
      included: [
        { field: 'topic', clause: 'topic', type: 'character varying', value: /^i\d*\/rich$/ },
        { field: 'qos', clause: 'qos', type: 'integer', value: /^2$/ },
        { field: 'retain', clause: 'retain', type: 'boolean', value: /^f$/ },
        { field: 'partition', clause: 'partition', type: 'character varying', value: /^0$/ },
        { field: 'offset', clause: 'offset', type: 'character varying', value: /^1$/ },
        { field: 'header', clause: "header 'trace'", type: 'bytea', value: /^\\x7831$/ },
        { field: 'payload', clause: 'payload', type: 'bytea', value: /^\\x7b22/ },
      ],
      sendRich: async (name) => {
        const publisher = await client();
        const properties = { userProperties: { trace: 'x1' } };
        await publisher.publishAsync(`${name}/rich`, '{"id": 1, "v": 10}', { qos: 2, properties });
        await publisher.endAsync();
      },
      port: server.port,
      close: () => server.close(),
    };
  },
};

const nats: SourceFixture = {
  connector: 'nats',
  missing: () => (natsKind.installed() ? null : natsKind.needs),
  start: async () => {
    const server = await startNats([`authorization { user: reader, password: ${SECRET} }`]);
    const client = () => connect({ servers: server.url, user: 'reader', pass: SECRET });
    const signIn = { connect_mode: 'user_and_password', username: 'reader', password: SECRET };
    return {
      kind: 'SOURCE',
      columns: 'id int, v int',
      clause: json,
      options: (name) => ({ server_url: server.url, subject: `${name}.*`, ...signIn }),
      prepare: async (name) => {
        const connection = await client();
        const manager = await jetstreamManager(connection);
        await manager.streams.add({ name, subjects: [`${name}.*`] });
        await connection.close();
      },
      send: async (name, texts) => {
        const connection = await client();
        const js = jetstream(connection);
        for (const text of texts) await js.publish(`${name}.a`, text);
        await connection.close();
      },
      unreachable: { server_url: 'nats://127.0.0.1:1' },
      wrongPassword: { password: `${SECRET}-wrong` },
      missing: { options: { subject: 'nowhere.*' }, state: '42704' },
      outage: outageOf(server, true),
      onFail: 'stops',
      garbage: 'not json',
      partition: (name) => name,
      included: [
        { field: 'subject', clause: 'subject', type: 'character varying', value: /^i\d*\.rich$/ },
        { field: 'partition', clause: 'partition', type: 'character varying', value: /^i\d*$/ },
        { field: 'offset', clause: 'offset', type: 'character varying', value: /^1$/ },
        { field: 'timestamp', clause: 'timestamp', type: 'timestamp with time zone', value: /^20\d\d-/ },
        { field: 'header', clause: "header 'trace'", type: 'bytea', value: /^\\x7831$/ },
        { field: 'payload', clause: 'payload', type: 'bytea', value: /^\\x7b22/ },
      ],
      sendRich: async (name) => {
        const connection = await client();
        const carried = headers();
        carried.set('trace', 'x1');
        await jetstream(connection).publish(`${name}.rich`, '{"id": 1, "v": 10}', { headers: carried });
        await connection.close();
      },
      port: server.port,
      close: () => server.close(),
    };
  },
};

/** What reads nothing from outside has options that can be wrong, and no more. */
function inner(connector: string, columns: string): SourceFixture {
  return {
    connector,
    missing: () => null,
    start: async () => ({
      kind: 'SOURCE',
      columns,
      clause: '',
      options: () => ({}),
      prepare: async () => {},
      send: async () => {},
      unreachable: null,
      wrongPassword: null,
      missing: null,
      outage: null,
      onFail: null,
      garbage: null,
      partition: null,
      included: [],
      port: null,
      close: async () => {},
    }),
  };
}

/** Sources that make their rows. */
export const innerFixtures: readonly SourceFixture[] = [
  inner('nexmark', '*'),
  inner('datagen', 'id int, v int'),
  inner('inject', 'id int, v int'),
];

export const lightFixtures: readonly SourceFixture[] = [files, webhook, mqtt, nats];
