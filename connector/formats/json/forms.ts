/** Options of ENCODE JSON: how JSON stands for types that it has not. */
import type { TextContext } from '../../../common/textContext.ts';
import type { OptionSpec } from '../../connector.ts';
import type { Drift } from '../message.ts';

export interface JsonForms {
  readonly timestamptz: 'guess_number_unit' | 'micro' | 'milli' | 'utc_string' | 'utc_without_suffix';
  readonly timestamp: 'guess_number_unit' | 'micro' | 'milli';
  readonly time: 'micro' | 'milli';
  readonly bytea: 'text' | 'base64';
}

/** What conversions depend on besides the type. */
export interface JsonContext {
  readonly forms: JsonForms;
  readonly text: TextContext;
  drift(kind: Drift, field: string): void;
}

export const jsonOptions: readonly OptionSpec[] = [
  {
    name: 'timestamptz.handling.mode',
    type: 'string',
    choices: ['guess_number_unit', 'micro', 'milli', 'utc_string', 'utc_without_suffix'],
    default: 'guess_number_unit',
    doc: 'timestamptz: a number counts from 1970 in this unit (or the unit that its size tells); a string without a zone is of the session that made the source, or UTC (`utc_string`, `utc_without_suffix`: numbers are refused).',
  },
  {
    name: 'timestamp.handling.mode',
    type: 'string',
    choices: ['guess_number_unit', 'micro', 'milli'],
    default: 'guess_number_unit',
    doc: 'Unit of a timestamp that is a number: seconds, milliseconds or microseconds by its size, or as named.',
  },
  {
    name: 'time.handling.mode',
    type: 'string',
    choices: ['micro', 'milli'],
    default: 'micro',
    doc: 'Unit of a time that is a number.',
  },
  {
    name: 'bytea.handling.mode',
    type: 'string',
    choices: ['text', 'base64'],
    doc: "bytea strings: PostgreSQL's text form (`\\\\x00ff`), or base64. FORMAT DEBEZIUM: base64, else text.",
  },
];

export function jsonForms(options: ReadonlyMap<string, string>, bytea: JsonForms['bytea']): JsonForms {
  // Values have been checked against the choices above.
  return {
    timestamptz: (options.get('timestamptz.handling.mode') ??
      'guess_number_unit') as JsonForms['timestamptz'],
    timestamp: (options.get('timestamp.handling.mode') ?? 'guess_number_unit') as JsonForms['timestamp'],
    time: (options.get('time.handling.mode') ?? 'micro') as JsonForms['time'],
    bytea: (options.get('bytea.handling.mode') ?? bytea) as JsonForms['bytea'],
  };
}
