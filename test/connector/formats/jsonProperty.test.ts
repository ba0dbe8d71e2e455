/** The generated scanner gives what the full parser and the conversion of its document give, for any JSON. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../common/jsonText.ts';
import { SqlError } from '../../../common/sqlError.ts';
import { plainContext } from '../../../common/textIo.ts';
import type { Row } from '../../../common/value.ts';
import { jsonForms } from '../../../connector/formats/json/forms.ts';
import { JsonObjectRows } from '../../../connector/formats/json/rows.ts';
import { columns, document } from './jsonDocuments.ts';
import { configOf, decode, message } from './support.ts';

const seed = 20261121;

function oracle(text: string): Row | string {
  const config = configOf(columns);
  const positions = columns.map((_, i) => i);
  const rows = new JsonObjectRows(
    {
      ...config,
      positions,
      optional: new Set(),
      part: 'value',
      nullOnError: false,
      topic: null,
      context: plainContext(() => 0n),
    },
    jsonForms(config.options, 'text'),
  );
  try {
    return rows.fromNode(parseJson(text), { nulled: () => undefined, drift: () => undefined });
  } catch (error) {
    if (error instanceof SqlError) return error.state;
    throw error;
  }
}

describe('the JSON scanner', () => {
  it('is the full parser, for batches of any documents', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(document, { minLength: 1, maxLength: 12 }), async (documents) => {
        const expected = documents.map(oracle);
        const outcome = await decode(
          configOf(columns),
          documents.map((d, i) => message(d, null, i)),
        );
        expect(outcome.puts).toEqual(expected.filter((e) => typeof e !== 'string'));
        expect(outcome.fails.map((f) => f.state)).toEqual(expected.filter((e) => typeof e === 'string'));
      }),
      { seed, numRuns: 1500 },
    );
  });

  it('accepts nothing that the full parser refuses', async () => {
    await fc.assert(
      fc.asyncProperty(
        document,
        fc.nat(),
        fc.nat(),
        fc.constantFrom('', '"', '}', ',', '\\', '0', '\u0001'),
        async (text, at, cut, insert) => {
          const place = at % (text.length + 1);
          const broken = text.slice(0, place) + insert + text.slice(place + (cut % 3));
          const expected = oracle(broken.includes('\0') ? '' : broken);
          const outcome = await decode(configOf(columns), [message(text), message(broken), message(text)]);
          const whole = oracle(text);
          const all = [whole, expected, whole];
          expect(outcome.puts).toEqual(all.filter((e) => typeof e !== 'string'));
          expect(outcome.fails).toHaveLength(all.filter((e) => typeof e === 'string').length);
        },
      ),
      { seed, numRuns: 1500 },
    );
  });
});
