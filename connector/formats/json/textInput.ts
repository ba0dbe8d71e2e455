/** Objects read from text into rows (`Value[]`): what the scanner of objects needs to know of both. */
import type { Value } from '../../../common/value.ts';
import type { ScanInput } from './objectScanner.ts';
import { type Reader, readString, skipSpace, skipValue } from './scanner.ts';

export interface TextField {
  /** Of its value in the row. */
  readonly index: number;
  readonly read: Reader;
}

export const textInput: ScanInput<string, Value[], TextField> = {
  prologue: '',
  codeAt: (place) => `t.charCodeAt(${place})`,
  isAt: (quoted) =>
    // The opening quote is what all keys share: it is looked at last.
    Array.from({ length: quoted.length }, (_, i) => {
      const place = (i + 1) % quoted.length;
      return `t.charCodeAt(at + ${place}) === ${quoted.charCodeAt(place)}`;
    }).join(' && '),
  lengthOf: (key) => key.length,
  constants: (f, of) => `read${f} = ${of}.read, index${f} = ${of}.index`,
  readCode: (f) => `row[index${f}] = read${f}(t, at);`,
  read: ({ index, read }, text, at, row) => {
    row[index] = read(text, at);
  },
  // Rows begin with NULL everywhere.
  absent: () => {},
  takesRepeats: true,
  charCode: (text, at) => text.charCodeAt(at),
  readString,
  skipSpace,
  skipValue,
};
