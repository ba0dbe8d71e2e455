/**
 * Session variables: what exists, its default, how a new value is checked, and what clients are told. SET LOCAL and a
 * rolled-back SET are undone through the overlay that a transaction pushes.
 */
import { SqlError } from '../common/sqlError.ts';
import { timeZoneSetting } from '../common/timeZone.ts';

interface SettingSpec {
  readonly default: string;
  readonly doc: string;
  /** Reported to the client by ParameterStatus, under this name. */
  readonly reported?: string;
  readonly readonly?: boolean;
  /** The canonical form of a new value, or null if it is not valid. */
  readonly check?: (value: string) => string | null;
}

export const SERVER_VERSION = '15.12';
export const SERVER_VERSION_NUM = '150012';

const oneOf =
  (...choices: readonly string[]) =>
  (value: string): string | null =>
    choices.includes(value.toLowerCase()) ? value.toLowerCase() : null;

function bool(value: string): string | null {
  const v = value.toLowerCase();
  if (['on', 'true', 't', 'yes', 'y', '1'].includes(v)) return 'on';
  if (['off', 'false', 'f', 'no', 'n', '0'].includes(v)) return 'off';
  return null;
}

const integer =
  (min: number, max: number) =>
  (value: string): string | null => {
    const n = /^-?\d+$/.test(value.trim()) ? Number(value) : Number.NaN;
    return n >= min && n <= max ? String(n) : null;
  };

function duration(value: string): string | null {
  return /^\s*\d+(\.\d+)?\s*(us|ms|s|min|h|d)?\s*$/.test(value) ? value.trim() : null;
}

export const isDuration = (value: string): boolean => duration(value) !== null;

const BYTE_SIZE = /^\s*(\d+)\s*(B|kB|MB|GB)?\s*$/i;
const byteUnits: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };
/** A sandbox is of a 32-bit machine; less than this holds no script. */
const byteRange = { least: 1024 ** 2, most: 2 * 1024 ** 3 - 1 } as const;

/** A size such as `64MB`, as bytes; a bare number is bytes. */
export function byteSize(value: string): number {
  const [, digits = '', unit = 'b'] = BYTE_SIZE.exec(value) ?? [];
  return digits === '' ? Number.NaN : Number(digits) * (byteUnits[unit.toLowerCase()] ?? Number.NaN);
}

export function isByteSize(value: string): boolean {
  const bytes = byteSize(value);
  return bytes >= byteRange.least && bytes <= byteRange.most;
}

function timeZone(value: string): string {
  return timeZoneSetting(value.trim());
}

const text = (value: string): string => value;

const specs: Readonly<Record<string, SettingSpec>> = {
  application_name: {
    default: '',
    doc: 'Name of the client application.',
    reported: 'application_name',
    check: text,
  },
  background_ddl: {
    default: 'off',
    doc: 'CREATE MATERIALIZED VIEW answers at once and is carried out in the background (SHOW JOBS, CANCEL JOBS, WAIT).',
    check: bool,
  },
  bytea_output: { default: 'hex', doc: 'Output form of bytea.', check: oneOf('hex', 'escape') },
  client_encoding: {
    default: 'UTF8',
    doc: 'Only UTF8.',
    reported: 'client_encoding',
    check: (v) => (/^(utf-?8|unicode|sql_ascii|auto)$/i.test(v) ? 'UTF8' : null),
  },
  client_min_messages: {
    default: 'notice',
    doc: 'Lowest level of messages sent.',
    check: oneOf(
      'debug5',
      'debug4',
      'debug3',
      'debug2',
      'debug1',
      'debug',
      'log',
      'notice',
      'warning',
      'error',
    ),
  },
  datestyle: {
    default: 'ISO, MDY',
    doc: 'Only ISO, MDY.',
    reported: 'DateStyle',
    check: (v) => (/^iso(\s*,\s*mdy)?$/i.test(v.trim()) ? 'ISO, MDY' : null),
  },
  default_transaction_isolation: {
    default: 'serializable',
    doc: 'All transactions are serializable.',
    check: text,
  },
  default_transaction_read_only: {
    default: 'off',
    doc: '',
    reported: 'default_transaction_read_only',
    check: bool,
  },
  extra_float_digits: { default: '1', doc: 'Digits of floats.', check: integer(-15, 3) },
  flush_sinks: {
    default: 'off',
    doc: 'FLUSH waits until the targets of sinks have what was committed, too; not for sinks that are paused.',
    check: bool,
  },
  idle_in_transaction_session_timeout: { default: '0', doc: 'Accepted.', check: duration },
  implicit_flush: {
    default: 'on',
    doc: 'Writes are always visible in every view when acknowledged.',
    check: bool,
  },
  in_hot_standby: { default: 'off', doc: '', reported: 'in_hot_standby', readonly: true },
  integer_datetimes: { default: 'on', doc: '', reported: 'integer_datetimes', readonly: true },
  intervalstyle: {
    default: 'postgres',
    doc: 'Output form of interval.',
    reported: 'IntervalStyle',
    check: oneOf('postgres', 'postgres_verbose', 'sql_standard', 'iso_8601'),
  },
  is_superuser: { default: 'on', doc: '', reported: 'is_superuser', readonly: true },
  lock_timeout: { default: '0', doc: 'Accepted.', check: duration },
  max_identifier_length: { default: '63', doc: '', readonly: true },
  'millrace.recursion_limit': {
    default: '10000',
    doc: 'Iterations after which WITH RECURSIVE is given up (54001). Views keep the default.',
    check: integer(1, 2_147_483_647),
  },
  'millrace.udf_timeout': {
    default: '1s',
    doc: 'How long one call of a function in JavaScript may run (0: without a limit). Functions can set it, too.',
    check: duration,
  },
  'millrace.udf_memory': {
    default: '64MB',
    doc: 'How much memory a function in JavaScript may take. Functions can set it, too.',
    check: (value) => (isByteSize(value) ? value.trim() : null),
  },
  query_mode: {
    default: 'auto',
    doc: 'Accepted for compatibility.',
    check: oneOf('auto', 'local', 'distributed'),
  },
  role: {
    default: 'none',
    doc: 'There is one role, root.',
    check: (v) => (/^(none|root)$/.test(v) ? v : null),
  },
  row_security: { default: 'on', doc: 'Accepted.', check: bool },
  search_path: { default: '"$user", public', doc: 'Schemas searched for unqualified names.', check: text },
  server_encoding: { default: 'UTF8', doc: '', reported: 'server_encoding', readonly: true },
  server_version: { default: SERVER_VERSION, doc: '', reported: 'server_version', readonly: true },
  server_version_num: { default: SERVER_VERSION_NUM, doc: '', readonly: true },
  session_authorization: { default: 'root', doc: '', reported: 'session_authorization', readonly: true },
  standard_conforming_strings: {
    default: 'on',
    doc: 'Always on.',
    reported: 'standard_conforming_strings',
    check: (v) => (bool(v) === 'on' ? 'on' : null),
  },
  statement_timeout: {
    default: '0',
    doc: 'Cancels a statement that runs longer (0: never).',
    check: duration,
  },
  streaming_parallelism: { default: 'default', doc: 'Accepted for compatibility.', check: text },
  synchronize_seqscans: { default: 'on', doc: 'Accepted.', check: bool },
  synchronous_commit: {
    default: 'on',
    doc: 'Commits wait for the disk.',
    check: oneOf('on', 'off', 'local', 'remote_write', 'remote_apply'),
  },
  timezone: { default: 'UTC', doc: 'Session time zone.', reported: 'TimeZone', check: timeZone },
  transaction_isolation: { default: 'serializable', doc: 'All transactions are serializable.', check: text },
  transaction_read_only: { default: 'off', doc: 'Whether the transaction may write.', check: bool },
  visibility_mode: {
    default: 'default',
    doc: 'Accepted for compatibility.',
    check: oneOf('default', 'all', 'checkpoint'),
  },
};

/** Variables that belong to the server: read like others, and changed by statements of their own. */
const serverSettings: Readonly<Record<string, { readonly doc: string; readonly hint: string }>> = {
  'millrace.clock': {
    doc: "The server's clock: 'system', or the moment at which it stands.",
    hint: "SET millrace.clock = '2024-01-01 00:00:00+00' changes it, for all sessions.",
  },
};

/** RisingWave's settings that have no effect here: accepted so that its scripts run. */
const acceptedPrefixes = [
  'rw_',
  'streaming_',
  'batch_',
  'enable_',
  'backfill_',
  'source_',
  'sink_',
  'dml_',
  'cdc_',
];

/** Duration settings as milliseconds; 0 means none. */
export function durationMs(value: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*$/.exec(value);
  const factor = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;
  return match === null ? 0 : Number(match[1]) * factor[(match[2] ?? 'ms') as keyof typeof factor];
}

/** Such a variable is no session's, and no transaction undoes it. */
function refuseServerSetting(key: string): void {
  const server = serverSettings[key];
  if (server === undefined) return;
  throw new SqlError('55P02', `parameter "${key}" cannot be changed for a session`, { hint: server.hint });
}

export class Settings {
  /** Values by lower-case name; the last overlay wins. */
  #values = new Map<string, string>();
  /** Values at the start of the transaction and SET LOCAL names, null outside. */
  #saved: Map<string, string> | null = null;
  readonly #local = new Set<string>();
  readonly #defaults = new Map<string, string>();
  /** Called when a reported setting has changed. */
  onReport: (name: string, value: string) => void = () => {};

  readonly #serverValue: (name: string) => string;

  /** `serverValue` gives the present value of a variable that belongs to the server. */
  constructor(serverValue: (name: string) => string = () => '') {
    this.#serverValue = serverValue;
  }

  /** Sets what RESET goes back to (start-up packet). */
  setDefault(name: string, value: string): void {
    refuseServerSetting(name.toLowerCase());
    const canonical = this.#canonical(name, value, true);
    this.#defaults.set(name.toLowerCase(), canonical);
  }

  get(name: string): string | null {
    const key = name.toLowerCase();
    if (key in serverSettings) return this.#serverValue(key);
    return this.#values.get(key) ?? this.#defaults.get(key) ?? specs[key]?.default ?? null;
  }

  /** Reads a setting that exists. */
  value(name: string): string {
    return this.get(name) ?? '';
  }

  set(name: string, value: string | null, local = false): void {
    const key = name.toLowerCase();
    refuseServerSetting(key);
    const next =
      value === null
        ? (this.#defaults.get(key) ?? specs[key]?.default ?? '')
        : this.#canonical(key, value, false);
    if (local) {
      if (this.#saved === null) return;
      this.#local.add(key);
    } else {
      this.#local.delete(key);
    }
    this.#change(key, next);
  }

  #canonical(name: string, value: string, startup: boolean): string {
    const key = name.toLowerCase();
    const spec = specs[key];
    if (spec === undefined) {
      if (key.includes('.') || acceptedPrefixes.some((p) => key.startsWith(p))) return value;
      throw new SqlError('42704', `unrecognized configuration parameter "${name}"`);
    }
    if (spec.readonly === true && !startup)
      throw new SqlError('55P02', `parameter "${name}" cannot be changed`);
    const canonical = spec.check === undefined ? value : spec.check(value);
    if (canonical === null && key === 'role') throw new SqlError('22023', `role "${value}" does not exist`);
    if (canonical === null)
      throw new SqlError(
        '22023',
        `invalid value for parameter "${specs[key] === undefined ? name : (spec.reported ?? key)}": "${value}"`,
      );
    return canonical;
  }

  #change(key: string, value: string): void {
    const before = this.get(key);
    this.#values.set(key, value);
    const reported = specs[key]?.reported;
    if (reported !== undefined && before !== value) this.onReport(reported, value);
  }

  begin(): void {
    this.#saved = new Map(this.#values);
    this.#local.clear();
  }

  /** Ends a transaction: a rollback undoes every SET in it, a commit only SET LOCAL. */
  end(committed: boolean): void {
    const saved = this.#saved;
    if (saved === null) return;
    this.#saved = null;
    this.#restore(saved, committed ? [...this.#local] : [...this.#values.keys(), ...saved.keys()]);
    this.#local.clear();
  }

  #restore(saved: ReadonlyMap<string, string>, keys: readonly string[]): void {
    for (const key of new Set(keys)) {
      const before = saved.get(key);
      if (before !== undefined) this.#change(key, before);
      else if (this.#values.has(key)) {
        this.#change(key, this.#defaults.get(key) ?? specs[key]?.default ?? '');
        this.#values.delete(key);
      }
    }
  }

  /** The way back to the present values (savepoints); may be taken more than once. */
  snapshot(): () => void {
    const saved = new Map(this.#values);
    const local = [...this.#local];
    return () => {
      this.#restore(saved, [...this.#values.keys(), ...saved.keys()]);
      this.#local.clear();
      for (const key of local) this.#local.add(key);
    };
  }

  reset(): void {
    for (const key of [...this.#values.keys()]) if (specs[key]?.readonly !== true) this.set(key, null);
  }

  /** Every ParameterStatus to send at start-up. */
  reported(): readonly (readonly [name: string, value: string])[] {
    return Object.entries(specs).flatMap(([key, spec]) =>
      spec.reported === undefined ? [] : [[spec.reported, this.value(key)] as const],
    );
  }

  all(): readonly { readonly name: string; readonly value: string; readonly doc: string }[] {
    return [...Object.entries(specs), ...Object.entries(serverSettings)]
      .map(([name, spec]) => ({ name, value: this.value(name), doc: spec.doc }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The search path as schema names; "$user" stands for the user's schema and is left out where there is none. */
  searchPath(user: string): readonly string[] {
    const parts = this.value('search_path').match(/(?:"(?:[^"]|"")*"|[^,"])+/g) ?? [];
    return parts
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map((part) => (/^".*"$/.test(part) ? part.slice(1, -1).replaceAll('""', '"') : part.toLowerCase()))
      .map((name) => (name === '$user' ? user : name));
  }
}
