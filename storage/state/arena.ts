/**
 * Byte arena: texts and encoded values of any length behind 32-bit references, off the JavaScript heap.
 *
 * Memory is 64 KiB pages of 16-byte units. A chunk is a header word (length * 2 + 1 if the bytes are a text with
 * non-ASCII characters) and its bytes, rounded up to a size class (exact to 16 units, then four classes a doubling).
 * Freed chunks go to their class's list, linked through their second word. Chunks above a page get a page of their own.
 * A reference is page << 12 | unit; 0 is the empty text and owns nothing. When the last chunk is freed all pages go but a
 * small first one, and the next first page grows at once to what it held.
 * In checkpoints a page is a block, and pages may be away.
 * Whatever writes into a page, links of free chunks too, touches it before.
 */
import { must } from '../../common/assert.ts';
import {
  BlockMarks,
  type BlockOwner,
  type BlockPart,
  type Persistent,
  type StateReader,
  type StateWriter,
} from './persist.ts';

/** Node's unchecked string primitives, which its types leave out. */
interface Page extends Uint8Array<ArrayBuffer> {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number, length: number): number;
  utf8Write(text: string, offset: number, length: number): number;
  compare(target: Uint8Array, targetStart: number, targetEnd: number, start: number, end: number): number;
}

const UNIT_SHIFT = 4;
const PAGE_UNITS = 4096;
const PAGE_BYTES = PAGE_UNITS << UNIT_SHIFT;
const FIRST_PAGE_BYTES = 512;
const HEADER = 4;
/** Texts up to this length are copied by a loop; calls into the runtime win above. */
const LOOP_COPY_LENGTH = 24;

/** Units of each class, and the class that holds a number of units. */
const classUnits: number[] = [];
const classOf = new Uint8Array(PAGE_UNITS + 1);
for (let units = 1; units <= PAGE_UNITS; ) {
  const step = units < 16 ? 1 : 1 << (29 - Math.clz32(units));
  const from = (classUnits.at(-1) ?? 0) + 1;
  classOf.fill(classUnits.length, from, units + 1);
  classUnits.push(units);
  if (units === PAGE_UNITS) break;
  units = Math.min(units + step, PAGE_UNITS);
}
const classSizes = Int32Array.from(classUnits);

/** What is saved beside the pages. */
interface ArenaImage {
  readonly free: Int32Array;
  readonly freePages: Int32Array;
  readonly page: number;
  readonly unit: number;
  readonly chunks: number;
}

export class ByteArena implements BlockOwner, Persistent {
  /** Undefined: away. */
  #pages: (Page | undefined)[] = [];
  #words: (Int32Array | undefined)[] = [];
  /** Words of the pages that are marked as changed. */
  #writable: (Int32Array | undefined)[] = [];
  /** Head of each class's list; 0 none. */
  #free = new Int32Array(classSizes.length);
  /** Emptied pages of large chunks, to be used again by number. */
  #freePages: number[] = [];
  #page = -1;
  #unit = 0;
  #chunks = 0;
  #bytes = 0;
  readonly #marks = new BlockMarks(this);
  /** Size of the first page when the arena was last emptied. */
  #expected = 0;
  readonly #isReserved: boolean;

  /** `isReserved`: something will be stored. */
  constructor(isReserved: boolean) {
    this.#isReserved = isReserved;
    this.#reserve();
  }

  #reserve(): void {
    if (!this.#isReserved) return;
    this.#page = this.#addPage(FIRST_PAGE_BYTES);
    this.#unit = 1;
  }

  /** Chunks that exist now. */
  chunks(): number {
    return this.#chunks;
  }

  #pageAt(page: number): Page {
    return this.#pages[page] ?? this.#fetch(page);
  }

  #wordsAt(page: number): Int32Array {
    const words = this.#words[page];
    if (words !== undefined) return words;
    this.#fetch(page);
    return must(this.#words[page]);
  }

  #fetch(page: number): Page {
    this.#marks.fetch(page);
    return must(this.#pages[page]);
  }

  /** Bytes of all pages in memory. */
  bytes(): number {
    return this.#bytes;
  }

  clear(): void {
    this.#marks.drop();
    this.#pages = [];
    this.#words = [];
    this.#writable = [];
    this.#free.fill(0);
    this.#freePages = [];
    this.#page = -1;
    this.#unit = 0;
    this.#chunks = 0;
    this.#bytes = 0;
    this.#reserve();
  }

  /** Stores a text. */
  putText(text: string): number {
    const length = text.length;
    if (length === 0) return 0;
    if (length <= LOOP_COPY_LENGTH) {
      const ref = this.#allocate(length);
      const page = this.#pageAt(ref >>> 12);
      const start = ((ref & 4095) << UNIT_SHIFT) + HEADER;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        page[start + i] = code;
      }
      if (i === length) return ref;
      this.free(ref);
    }
    const bytes = Buffer.byteLength(text, 'utf8');
    const ref = this.#allocate(bytes);
    const page = this.#pageAt(ref >>> 12);
    const start = ((ref & 4095) << UNIT_SHIFT) + HEADER;
    if (bytes === length) {
      page.latin1Write(text, start, bytes);
      return ref;
    }
    page.utf8Write(text, start, bytes);
    const words = this.#wordsAt(ref >>> 12);
    words[(ref & 4095) << 2] = (bytes << 1) | 1;
    return ref;
  }

  text(ref: number): string {
    if (ref === 0) return '';
    const header = this.#header(ref);
    const page = this.#pageAt(ref >>> 12);
    const start = ((ref & 4095) << UNIT_SHIFT) + HEADER;
    const length = header >>> 1;
    if ((header & 1) !== 0) return page.utf8Slice(start, start + length);
    if (length > 4) return page.latin1Slice(start, start + length);
    let text = '';
    for (let i = 0; i < length; i++) text += String.fromCharCode(page[start + i] as number);
    return text;
  }

  /** Stores the text that is [from, to) of bytes in UTF-8, with a view of all of them. */
  putUtf8(bytes: Uint8Array, view: DataView, from: number, to: number, isAscii: boolean): number {
    const length = to - from;
    if (length === 0) return 0;
    const ref = this.#allocate(length);
    const words = this.#wordsAt(ref >>> 12);
    let word = ((ref & 4095) << 2) + (HEADER >>> 2);
    let seen = 0;
    let i = from;
    for (const last = to - 4; i <= last; i += 4) {
      const four = view.getInt32(i, true);
      seen |= four;
      words[word++] = four;
    }
    const page = this.#pageAt(ref >>> 12);
    for (let at = word << 2; i < to; i++) {
      const byte = bytes[i] as number;
      seen |= byte;
      page[at++] = byte;
    }
    if (!isAscii && (seen & 0x80808080) !== 0) words[(ref & 4095) << 2] = (length << 1) | 1;
    return ref;
  }

  /** Stores the first `length` bytes. */
  putBytes(bytes: Uint8Array, length: number): number {
    const ref = this.#allocate(length);
    const page = this.#pageAt(ref >>> 12);
    const start = ((ref & 4095) << UNIT_SHIFT) + HEADER;
    if (length <= LOOP_COPY_LENGTH) for (let i = 0; i < length; i++) page[start + i] = bytes[i] as number;
    else page.set(length === bytes.length ? bytes : bytes.subarray(0, length), start);
    return ref;
  }

  /** The bytes of a chunk, as a view that is valid until the next change of the arena. */
  view(ref: number): Uint8Array {
    const start = ((ref & 4095) << UNIT_SHIFT) + HEADER;
    return this.#pageAt(ref >>> 12).subarray(start, start + (this.#header(ref) >>> 1));
  }

  /** Number of bytes of a chunk. */
  length(ref: number): number {
    return ref === 0 ? 0 : this.#header(ref) >>> 1;
  }

  equalsText(ref: number, text: string): boolean {
    if (ref === 0) return text.length === 0;
    const header = this.#header(ref);
    const length = header >>> 1;
    if ((header & 1) !== 0) return length >= text.length && this.text(ref) === text;
    if (length !== text.length) return false;
    const page = this.#pageAt(ref >>> 12);
    const start = ((ref & 4095) << UNIT_SHIFT) + HEADER;
    if (length > 64) return page.latin1Slice(start, start + length) === text;
    for (let i = 0; i < length; i++) if (page[start + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  equalsBytes(ref: number, bytes: Uint8Array, length: number): boolean {
    if (this.length(ref) !== length) return false;
    const page = this.#pageAt(ref >>> 12);
    const start = ((ref & 4095) << UNIT_SHIFT) + HEADER;
    for (let i = 0; i < length; i++) if (page[start + i] !== bytes[i]) return false;
    return true;
  }

  /** Order by bytes, which for texts is the order of code points. */
  compare(a: number, b: number): number {
    if (a === b) return 0;
    if (a === 0 || b === 0) return a === 0 ? -1 : 1;
    const la = this.#header(a) >>> 1;
    const lb = this.#header(b) >>> 1;
    const pa = this.#pageAt(a >>> 12);
    const pb = this.#pageAt(b >>> 12);
    const sa = ((a & 4095) << UNIT_SHIFT) + HEADER;
    const sb = ((b & 4095) << UNIT_SHIFT) + HEADER;
    const n = Math.min(la, lb);
    if (n > 64) {
      const order = pa.compare(pb, sb, sb + lb, sa, sa + la);
      return order;
    }
    for (let i = 0; i < n; i++) {
      const d = (pa[sa + i] as number) - (pb[sb + i] as number);
      if (d !== 0) return d;
    }
    return la - lb;
  }

  /** True when the text has only ASCII characters, so that byte i is character i. */
  isAscii(ref: number): boolean {
    return ref === 0 || (this.#header(ref) & 1) === 0;
  }

  free(ref: number): void {
    if (ref === 0) return;
    if (--this.#chunks === 0) {
      this.#restart();
      return;
    }
    const page = ref >>> 12;
    const words = this.#writable[page] ?? this.#touch(page);
    const at = (ref & 4095) << 2;
    const units = ((((words[at] as number) >>> 1) + HEADER + 15) >>> UNIT_SHIFT) | 0;
    if (units > PAGE_UNITS) {
      this.#bytes -= this.#pageAt(page).length;
      this.#pages[page] = EMPTY_PAGE;
      this.#words[page] = EMPTY_WORDS;
      this.#writable[page] = undefined;
      this.#freePages.push(page);
      return;
    }
    const c = classOf[units] as number;
    words[at + 1] = this.#free[c] as number;
    this.#free[c] = ref;
  }

  /** Nothing is stored: gives memory back, but keeps a small first page, since small states empty and fill every tick. */
  #restart(): void {
    const single = this.#pages.length === 1;
    this.#expected = single ? this.#unit << UNIT_SHIFT : PAGE_BYTES;
    if (!single || this.#pageAt(0).length > FIRST_PAGE_BYTES) {
      this.clear();
      return;
    }
    this.#free.fill(0);
    this.#unit = 1;
  }

  /** The words of a page, which is marked. */
  #touch(page: number): Int32Array {
    this.#marks.touch(page);
    const words = this.#wordsAt(page);
    this.#writable[page] = words;
    return words;
  }

  lockBlock(page: number): void {
    this.#writable[page] = undefined;
  }

  save(out: StateWriter): void {
    const image: ArenaImage = {
      free: this.#free.slice(),
      freePages: Int32Array.from(this.#freePages),
      page: this.#page,
      unit: this.#unit,
      chunks: this.#chunks,
    };
    out.value(image);
    out.blocks(this.#marks);
  }

  restore(from: StateReader): void {
    const image = from.value() as ArenaImage;
    this.#free = Int32Array.from(image.free);
    this.#freePages = [...image.freePages];
    this.#page = image.page;
    this.#unit = image.unit;
    this.#chunks = image.chunks;
    this.#pages = [];
    this.#words = [];
    this.#writable = [];
    this.#bytes = 0;
    from.blocks(this.#marks);
  }

  blockCount(): number {
    return this.#pages.length;
  }

  blockParts(page: number): readonly BlockPart[] {
    return [must(this.#pages[page])];
  }

  adoptBlock(page: number, parts: readonly Uint8Array<ArrayBuffer>[]): void {
    const { buffer, byteOffset, byteLength } = must(parts[0]);
    this.#pages[page] = Buffer.from(buffer, byteOffset, byteLength) as unknown as Page;
    this.#words[page] = new Int32Array(buffer, byteOffset, byteLength >>> 2);
    this.#writable[page] = undefined;
    this.#bytes += byteLength;
  }

  releaseBlock(page: number): void {
    this.#bytes -= this.#pages[page]?.length ?? 0;
    this.#pages[page] = undefined;
    this.#words[page] = undefined;
    this.#writable[page] = undefined;
  }

  #header(ref: number): number {
    return this.#wordsAt(ref >>> 12)[(ref & 4095) << 2] as number;
  }

  /** A chunk for `length` bytes with its header written (as ASCII or bytes). */
  #allocate(length: number): number {
    const needed = (length + HEADER + 15) >>> UNIT_SHIFT;
    this.#chunks++;
    if (needed > PAGE_UNITS) return this.#allocateLarge(length, needed);
    const c = classOf[needed] as number;
    let ref = this.#free[c] as number;
    if (ref !== 0) {
      const words = this.#writable[ref >>> 12] ?? this.#touch(ref >>> 12);
      const at = (ref & 4095) << 2;
      this.#free[c] = words[at + 1] as number;
      words[at] = length << 1;
      return ref;
    }
    ref = this.#bump(classSizes[c] as number);
    (this.#writable[ref >>> 12] ?? this.#touch(ref >>> 12))[(ref & 4095) << 2] = length << 1;
    return ref;
  }

  #bump(units: number): number {
    if (this.#page < 0 || this.#unit + units > PAGE_UNITS) {
      this.#freeRest();
      this.#page = this.#pages.length === 0 ? this.#addPage(FIRST_PAGE_BYTES) : this.#addPage(PAGE_BYTES);
      this.#unit = this.#page === 0 ? 1 : 0;
    }
    const end = (this.#unit + units) << UNIT_SHIFT;
    if (end > this.#pageAt(this.#page).length) this.#growFirstPage(end);
    const ref = (this.#page << 12) | this.#unit;
    this.#unit += units;
    return ref;
  }

  /** Puts what is left of the current page on the free lists, as the largest chunks that fit. */
  #freeRest(): void {
    if (this.#page < 0) return;
    const size = this.#pageAt(this.#page).length >>> UNIT_SHIFT;
    if (size < PAGE_UNITS) return;
    if (this.#unit < PAGE_UNITS) this.#touch(this.#page);
    while (this.#unit < PAGE_UNITS) {
      let c = classOf[PAGE_UNITS - this.#unit] as number;
      if ((classSizes[c] as number) > PAGE_UNITS - this.#unit) c--;
      this.#wordsAt(this.#page)[(this.#unit << 2) + 1] = this.#free[c] as number;
      this.#free[c] = (this.#page << 12) | this.#unit;
      this.#unit += classSizes[c] as number;
    }
  }

  #addPage(bytes: number): number {
    const page = this.#freePages.pop() ?? this.#pages.length;
    this.#marks.touch(page);
    this.#setPage(page, bytes);
    this.#bytes += bytes;
    return page;
  }

  #setPage(page: number, bytes: number): Page {
    const memory = new ArrayBuffer(bytes);
    const buffer = Buffer.from(memory) as unknown as Page;
    this.#pages[page] = buffer;
    this.#words[page] = new Int32Array(memory);
    this.#writable[page] = undefined;
    return buffer;
  }

  /** Only page 0 starts small. */
  #growFirstPage(needed: number): void {
    this.#touch(this.#page);
    const old = this.#pageAt(this.#page);
    let bytes = old.length;
    const enough = Math.max(needed, this.#expected);
    while (bytes < enough) bytes *= 2;
    this.#setPage(this.#page, bytes).set(old);
    this.#bytes += bytes - old.length;
  }

  #allocateLarge(length: number, units: number): number {
    const page = this.#addPage(units << UNIT_SHIFT);
    this.#wordsAt(page)[0] = length << 1;
    // Unit 0 of page 0 means the empty text: give that number to an ordinary page.
    if (page !== 0) return page << 12;
    const moved = this.#pages.length;
    this.#marks.touch(moved);
    this.#pages[moved] = this.#pageAt(0);
    this.#words[moved] = this.#wordsAt(0);
    this.#writable[moved] = undefined;
    this.#page = 0;
    this.#unit = 1;
    this.#setPage(0, FIRST_PAGE_BYTES);
    this.#bytes += FIRST_PAGE_BYTES;
    return moved << 12;
  }
}

const EMPTY_PAGE = Buffer.alloc(0) as unknown as Page;
const EMPTY_WORDS = new Int32Array(0);
