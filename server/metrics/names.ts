/** How metrics name relations. */

/** As it is written in SQL with the usual search path. */
export function relationName({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return schema === 'public' ? name : `${schema}.${name}`;
}
