/** Options in WITH of everything that a connector feeds: what becomes of records that cannot be used. */
import type { OptionSpec } from '../../connector/connector.ts';

export const letterOptions: readonly OptionSpec[] = [
  {
    name: 'on_error',
    type: 'string',
    choices: ['skip', 'null', 'fail'],
    default: 'skip',
    doc: 'What becomes of a record that cannot be used: `skip` leaves it out; `null` makes the field that does not fit NULL; `fail` pauses the source before it.',
  },
  {
    name: 'on_error.max.per.minute',
    type: 'integer',
    default: '10000',
    doc: 'More dead letters within a minute pause the source. 0: no limit.',
  },
  {
    name: 'dead_letter.retention',
    type: 'string',
    default: '7 days',
    doc: 'How long the relation of dead letters keeps a record.',
  },
  {
    name: 'dead_letter.max.rows',
    type: 'integer',
    default: '100000',
    doc: 'How many records the relation of dead letters keeps; the oldest go first.',
  },
];

export function isLetterOption(name: string): boolean {
  return letterOptions.some((spec) => spec.name === name);
}
