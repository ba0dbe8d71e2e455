/**
 * Which options nobody is to read: those that a connector or an encoding marks as `secret`, under their name wherever it is
 * written. Addresses lose the user and password that may be in them.
 */
import type { OptionSpec } from './connector.ts';
import { encodeOptions } from './encoders/encoder.ts';
import { encodes } from './formats/encodes.ts';
import { sourceConnectors } from './index.ts';
import { lookupConnectors } from './lookups.ts';
import { remoteConnectors } from './remotes.ts';
import { sinkConnectors } from './sinks.ts';

export const HIDDEN = '***';

/** User and password of an address, which ends at the last `@` before its path. */
const CREDENTIALS = /([a-z][\w+.-]*:\/\/)[^/?#\s]*@/gi;

/** A key that was put where another thing is meant to be, or with it. */
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** Of the options that `headers.*` and the like stand for, those that are secret by all appearance. */
const TELLING = /auth|cookie|credential|key|passw|secret|signature|token/i;

function* allSpecs(): Generator<OptionSpec> {
  for (const connectors of [sourceConnectors, remoteConnectors, lookupConnectors, encodes]) {
    for (const { options } of connectors) yield* options;
  }
  for (const options of encodeOptions.values()) yield* options;
  for (const connector of sinkConnectors) {
    yield* connector.options;
    for (const options of connector.encodeOptions?.values() ?? []) yield* options;
  }
}

interface SecretNames {
  readonly exact: ReadonlySet<string>;
  /** What such names begin with. */
  readonly prefixes: readonly string[];
}

let names: SecretNames | null = null;

function secretNames(): SecretNames {
  if (names !== null) return names;
  const all = [...allSpecs()].flatMap((spec) => (spec.secret === true ? [spec.name] : []));
  const isPattern = (name: string): boolean => name.endsWith('*');
  names = {
    exact: new Set(all.filter((name) => !isPattern(name))),
    prefixes: [...new Set(all.filter(isPattern).map((name) => name.slice(0, -1)))],
  };
  return names;
}

/** No catalog, message or statement shows its value. */
export function isSecretOption(name: string): boolean {
  const { exact, prefixes } = secretNames();
  const lower = name.toLowerCase();
  return exact.has(lower) || prefixes.some((prefix) => lower.startsWith(prefix));
}

/** The value as anybody may see it. */
export function shownValue(name: string, value: string): string {
  if (isSecretOption(name) || PRIVATE_KEY.test(value)) return HIDDEN;
  return value.replace(CREDENTIALS, `$1${HIDDEN}@`);
}

/** Whether the value, written as it is, had better be kept as a secret: it is no path of a file, and says something. */
export function isPlainSecret(name: string, value: string): boolean {
  if (!isSecretOption(name)) return value !== shownValue(name, value);
  const { exact } = secretNames();
  if (!exact.has(name.toLowerCase()) && !TELLING.test(name)) return false;
  return value !== '' && !/^\.{0,2}\/\S*$/.test(value);
}
