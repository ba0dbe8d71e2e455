/** LIKE patterns of SHOW ... LIKE. Queries use the registry's operators. */

/** A predicate for a LIKE pattern: `%` any run, `_` any character, backslash escapes. */
export function likeMatcher(pattern: string, ignoreCase: boolean): (text: string) => boolean {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    let c = pattern.charAt(i);
    if (c === '%') source += '[\\s\\S]*';
    else if (c === '_') source += '[\\s\\S]';
    else {
      if (c === '\\' && i + 1 < pattern.length) c = pattern.charAt(++i);
      source += c.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    }
  }
  const regex = new RegExp(`^${source}$`, ignoreCase ? 'iu' : 'u');
  return (text) => regex.test(text);
}
