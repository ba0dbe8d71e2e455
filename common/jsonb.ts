import type { Decimal } from './decimal.ts';

/**
 * A JSON document as jsonb keeps it: object keys unique and in PostgreSQL's order (by UTF-8 length, then bytes);
 * numbers as exact numeric.
 */
export type JsonNode =
  | null
  | boolean
  | string
  | Decimal
  | readonly JsonNode[]
  | ReadonlyMap<string, JsonNode>;

/** A jsonb value. The wrapper tells JSON null from SQL NULL. */
export class Jsonb {
  readonly root: JsonNode;

  constructor(root: JsonNode) {
    this.root = root;
  }
}
