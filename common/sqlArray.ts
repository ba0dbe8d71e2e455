import type { Value } from './value.ts';

/** An array of any dimensions. Elements lie in row-major order; an empty array has no dimensions. */
export class SqlArray {
  readonly elements: readonly Value[];
  /** Length of each dimension. */
  readonly dimensions: readonly number[];
  /** Lower bound (first subscript) of each dimension, usually 1. */
  readonly lowerBounds: readonly number[];

  constructor(elements: readonly Value[], dimensions?: readonly number[], lowerBounds?: readonly number[]) {
    this.elements = elements;
    this.dimensions = dimensions ?? (elements.length === 0 ? [] : [elements.length]);
    this.lowerBounds = lowerBounds ?? this.dimensions.map(() => 1);
  }
}
