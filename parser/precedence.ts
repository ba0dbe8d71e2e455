/**
 * How tightly the operators of expressions bind: PostgreSQL's table, shared by the grammar and the printer.
 *
 *   level  operators                                     associativity
 *   1      OR                                            left (flattened)
 *   2      AND                                           left (flattened)
 *   3      NOT                                           prefix
 *   4      IS, ISNULL, NOTNULL                           none
 *   5      < > = <= >= <>                                none
 *   6      BETWEEN, IN, LIKE, ILIKE, SIMILAR             none
 *   7      all other operators                           left, also as prefix
 *   8      + -                                           left
 *   9      * / %                                         left
 *   10     ^                                             left
 *   11     AT TIME ZONE                                  left
 *   12     COLLATE                                       left
 *   13     + - as prefix                                 right
 *   15     ::                                            left
 */
export const OR = 1;
export const AND = 2;
export const NOT = 3;
export const IS = 4;
export const COMPARISON = 5;
export const MATCH = 6;
export const OTHER = 7;
export const ADD = 8;
export const MULTIPLY = 9;
export const POWER = 10;
export const AT = 11;
export const COLLATE = 12;
export const SIGN = 13;
export const CAST = 15;
/** Whatever needs no parentheses at all. */
export const PRIMARY = 20;
