/** What a number template as a whole asks for: digits before and after the point, signs, and the checks on its fields. */
import { SqlError } from '../../../common/sqlError.ts';
import { parseNumberTemplate, type TemplateNode } from './formatTemplate.ts';

export interface NumberTemplate {
  readonly nodes: readonly TemplateNode[];
  /** Digit places before and after the point. */
  readonly pre: number;
  readonly post: number;
  /** V was given, and so many places after it. */
  readonly hasMulti: boolean;
  readonly multi: number;
  /** Place of the first 0 field (1-based, 0: none) and of the last. */
  readonly zeroStart: number;
  readonly zeroEnd: number;
  readonly localeSign: 'none' | 'before' | 'after';
  readonly preLocaleSign: number;
  readonly decimal: boolean;
  readonly zero: boolean;
  readonly blank: boolean;
  readonly fillMode: boolean;
  readonly bracket: boolean;
  readonly minus: boolean;
  readonly plus: boolean;
  readonly roman: boolean;
  readonly scientific: boolean;
}

type Mutable = { -readonly [K in keyof NumberTemplate]: NumberTemplate[K] };

function refuse(message: string, detail?: string): never {
  throw new SqlError('42601', message, detail === undefined ? {} : { detail });
}

function nine(t: Mutable): void {
  if (t.bracket) refuse('"9" must be ahead of "PR"');
  if (t.hasMulti) t.multi++;
  else if (t.decimal) t.post++;
  else t.pre++;
}

function zero(t: Mutable): void {
  if (t.bracket) refuse('"0" must be ahead of "PR"');
  if (!t.zero && !t.decimal) {
    t.zero = true;
    t.zeroStart = t.pre + 1;
  }
  if (t.decimal) t.post++;
  else t.pre++;
  t.zeroEnd = t.pre + t.post;
}

function point(t: Mutable): void {
  if (t.decimal) refuse('multiple decimal points');
  if (t.hasMulti) refuse('cannot use "V" and decimal point together');
  t.decimal = true;
}

function localeSign(t: Mutable): void {
  if (t.localeSign !== 'none') refuse('cannot use "S" twice');
  if (t.plus || t.minus || t.bracket) refuse('cannot use "S" and "PL"/"MI"/"SG"/"PR" together');
  if (t.decimal) t.localeSign = 'after';
  else {
    t.localeSign = 'before';
    t.preLocaleSign = t.pre;
  }
}

function ownSign(t: Mutable, name: 'MI' | 'PL' | 'SG'): void {
  if (t.localeSign !== 'none') refuse(`cannot use "S" and "${name}" together`);
  if (name !== 'PL') t.minus = true;
  if (name !== 'MI') t.plus = true;
}

function scientific(t: Mutable): void {
  if (t.scientific) refuse('cannot use "EEEE" twice');
  const others =
    t.blank ||
    t.fillMode ||
    t.localeSign !== 'none' ||
    t.bracket ||
    t.minus ||
    t.plus ||
    t.roman ||
    t.hasMulti;
  if (others) {
    refuse(
      '"EEEE" is incompatible with other formats',
      '"EEEE" may only be used together with digit and decimal point patterns.',
    );
  }
  t.scientific = true;
}

function note(t: Mutable, name: string): void {
  if (t.scientific && name !== 'EEEE') refuse('"EEEE" must be the last pattern used');
  switch (name) {
    case '9':
      nine(t);
      return;
    case '0':
      zero(t);
      return;
    case 'B':
      if (t.pre === 0 && t.post === 0 && !t.zero) t.blank = true;
      return;
    case 'D':
    case '.':
      point(t);
      return;
    case 'FM':
      t.fillMode = true;
      return;
    case 'S':
      localeSign(t);
      return;
    case 'MI':
    case 'PL':
    case 'SG':
      ownSign(t, name);
      return;
    case 'PR':
      if (t.localeSign !== 'none' || t.plus || t.minus) {
        refuse('cannot use "PR" and "S"/"PL"/"MI"/"SG" together');
      }
      t.bracket = true;
      return;
    case 'RN':
      t.roman = true;
      return;
    case 'V':
      if (t.decimal) refuse('cannot use "V" and decimal point together');
      t.hasMulti = true;
      return;
    case 'EEEE':
      scientific(t);
      return;
  }
}

/** Parses and checks a number template; 42601 when its fields do not go together. */
export function numberTemplate(template: string): NumberTemplate {
  const nodes = parseNumberTemplate(template);
  const t: Mutable = {
    nodes,
    pre: 0,
    post: 0,
    multi: 0,
    zeroStart: 0,
    zeroEnd: 0,
    localeSign: 'none',
    preLocaleSign: 0,
    decimal: false,
    zero: false,
    blank: false,
    fillMode: false,
    bracket: false,
    minus: false,
    plus: false,
    roman: false,
    scientific: false,
    hasMulti: false,
  };
  for (const node of nodes) if (node.kind === 'field') note(t, node.name.toUpperCase());
  return t;
}
