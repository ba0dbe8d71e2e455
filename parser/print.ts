/** Trees to SQL text: reading the text gives the same tree, spans and quoting of names aside. */
import type { TypeName } from './ast/common.ts';
import type { Expr } from './ast/expr.ts';
import type { Query } from './ast/query.ts';
import type { Statement } from './ast/statement.ts';
import { LaterPrinter } from './printLater.ts';

const printer = new LaterPrinter();

/** The statement as SQL on one line, without a semicolon. */
export function printStatement(statement: Statement): string {
  return printer.statement(statement);
}

export function printQuery(query: Query): string {
  return printer.query(query);
}

export function printExpr(expr: Expr): string {
  return printer.expr(expr);
}

export function printType(type: TypeName): string {
  return printer.type(type);
}
