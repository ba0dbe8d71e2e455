/** One spelling for a run of tokens: key words in capitals, names quoted as needed, single blanks. */
import { quoteIdent, quoteString } from './identifier.ts';
import * as T from './tokens.ts';

/** No blank before these. */
const tightBefore = new Set([T.Comma, T.RParen, T.RBracket, T.Dot, T.LBracket, T.Typecast]);
/** No blank after these. */
const tightAfter = new Set([T.LParen, T.LBracket, T.Dot, T.Typecast]);

function spelling(token: T.SqlToken): string {
  if (token.tokenType === T.Ident) return quoteIdent(token.value);
  if (token.tokenType === T.Str) return quoteString(token.value);
  if (T.keywordTokens.has(token.value) && T.keywordTokens.get(token.value) === token.tokenType)
    return token.tokenType.name;
  return token.image;
}

export function canonicalText(tokens: readonly T.SqlToken[]): string {
  let text = '';
  let tight = true;
  for (const token of tokens) {
    if (!tight && !tightBefore.has(token.tokenType)) text += ' ';
    text += spelling(token);
    tight = tightAfter.has(token.tokenType);
  }
  return text;
}
