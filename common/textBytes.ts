/** Texts as bytes: they lie one behind the other in UTF-8, and whoever needs no strings makes none. */

export interface TextBytes {
  readonly bytes: Uint8Array;
  /** Of all of the bytes. */
  readonly view: DataView;
  /** Where each text ends. */
  readonly ends: Uint32Array;
  /** Number of the first that is meant. */
  readonly from: number;
  /** There is nothing besides ASCII. */
  readonly isAscii: boolean;
}
