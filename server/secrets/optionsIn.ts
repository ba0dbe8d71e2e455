/** The options of a statement, wherever they are written in it: WITH (...), FORMAT ... ENCODE ... (...), CONNECTOR WITH (...). */
import type { Option, OptionValue } from '../../parser/ast/common.ts';
import type { Statement } from '../../parser/ast/statement.ts';
import { type AnyNode, walk } from '../../parser/walk.ts';

export interface SecretOption {
  readonly option: Option;
  readonly value: Extract<OptionValue, { kind: 'secret' }>;
}

function isOption(node: AnyNode): node is AnyNode & Option {
  return node.kind === 'Option';
}

export function optionsIn(statement: Statement): readonly Option[] {
  const found: Option[] = [];
  walk(statement, (node) => {
    if (!isOption(node)) return true;
    found.push(node);
    return false;
  });
  return found;
}

/** Those that name a secret. */
export function secretOptionsIn(statement: Statement): readonly SecretOption[] {
  return optionsIn(statement).flatMap((option) =>
    option.value.kind === 'secret' ? [{ option, value: option.value }] : [],
  );
}
