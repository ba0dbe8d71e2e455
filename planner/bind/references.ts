/** Does a query mention a relation of some name? For telling recursive CTEs from others. */
import type { Query } from '../../parser/ast/query.ts';

export function referencesName(query: Query, name: string): boolean {
  const visit = (node: unknown): boolean => {
    if (Array.isArray(node)) return node.some(visit);
    if (typeof node !== 'object' || node === null) return false;
    if ('kind' in node && node.kind === 'NamedTable' && 'name' in node) {
      const { parts } = node.name as { readonly parts: readonly { readonly name: string }[] };
      if (parts.length === 1 && parts[0]?.name === name) return true;
    }
    return Object.values(node).some(visit);
  };
  return visit(query);
}
