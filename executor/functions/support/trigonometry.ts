/**
 * Trigonometry in degrees that is exact where the result is (sind(30) = 0.5), by PostgreSQL's method: reduce to the
 * first quadrant, then scale by the function's own value at a known angle.
 */
import { inputOutOfRange } from './errors.ts';

export const RADIANS_PER_DEGREE = 0.017453292519943295;

const SIN_30 = Math.sin(30 * RADIANS_PER_DEGREE);
const ONE_MINUS_COS_60 = 1 - Math.cos(60 * RADIANS_PER_DEGREE);
const ASIN_HALF = Math.asin(0.5);
const ACOS_HALF = Math.acos(0.5);
const ATAN_ONE = Math.atan(1);

function sinTo30(x: number): number {
  return Math.sin(x * RADIANS_PER_DEGREE) / SIN_30 / 2;
}

function cosTo60(x: number): number {
  return 1 - (1 - Math.cos(x * RADIANS_PER_DEGREE)) / ONE_MINUS_COS_60 / 2;
}

function sinQuadrant(x: number): number {
  return x <= 30 ? sinTo30(x) : cosTo60(90 - x);
}

function cosQuadrant(x: number): number {
  return x <= 60 ? cosTo60(x) : sinTo30(90 - x);
}

function asinQuadrant(x: number): number {
  return x <= 0.5 ? (Math.asin(x) / ASIN_HALF) * 30 : 90 - (Math.acos(x) / ACOS_HALF) * 60;
}

function acosQuadrant(x: number): number {
  return x <= 0.5 ? 90 - (Math.asin(x) / ASIN_HALF) * 30 : (Math.acos(x) / ACOS_HALF) * 60;
}

const TAN_45 = sinQuadrant(45) / cosQuadrant(45);
const COT_45 = cosQuadrant(45) / sinQuadrant(45);

function checkFinite(x: number): void {
  if (x === Infinity || x === -Infinity) inputOutOfRange();
}

function checkUnit(x: number): void {
  if (x < -1 || x > 1) inputOutOfRange();
}

export function sinDegrees(x: number): number {
  if (Number.isNaN(x)) return x;
  checkFinite(x);
  let sign = 1;
  let a = x % 360;
  if (a < 0) {
    a = -a;
    sign = -sign;
  }
  if (a > 180) {
    a = 360 - a;
    sign = -sign;
  }
  return sign * sinQuadrant(a > 90 ? 180 - a : a);
}

export function cosDegrees(x: number): number {
  if (Number.isNaN(x)) return x;
  checkFinite(x);
  let a = Math.abs(x % 360);
  if (a > 180) a = 360 - a;
  return a > 90 ? -cosQuadrant(180 - a) : cosQuadrant(a);
}

/** The angle reduced to the first quadrant, and the sign that tan and cot take there. */
function reduceTangent(x: number): readonly [number, number] {
  let sign = 1;
  let a = x % 360;
  if (a < 0) {
    a = -a;
    sign = -sign;
  }
  if (a > 180) {
    a = 360 - a;
    sign = -sign;
  }
  if (a > 90) {
    a = 180 - a;
    sign = -sign;
  }
  return [a, sign];
}

export function tanDegrees(x: number): number {
  if (Number.isNaN(x)) return x;
  checkFinite(x);
  const [a, sign] = reduceTangent(x);
  const result = sign * (sinQuadrant(a) / cosQuadrant(a) / TAN_45);
  return result === 0 ? 0 : result;
}

export function cotDegrees(x: number): number {
  if (Number.isNaN(x)) return x;
  checkFinite(x);
  const [a, sign] = reduceTangent(x);
  const result = sign * (cosQuadrant(a) / sinQuadrant(a) / COT_45);
  return result === 0 ? 0 : result;
}

export function asinDegrees(x: number): number {
  checkUnit(x);
  return x >= 0 ? asinQuadrant(x) : -asinQuadrant(-x);
}

export function acosDegrees(x: number): number {
  checkUnit(x);
  return x >= 0 ? acosQuadrant(x) : 90 + asinQuadrant(-x);
}

export function atanDegrees(x: number): number {
  return (Math.atan(x) / ATAN_ONE) * 45;
}

export function atan2Degrees(y: number, x: number): number {
  return (Math.atan2(y, x) / ATAN_ONE) * 45;
}

/** Raises 22003 unless the argument is finite (or NaN), as sin, cos, tan and cot do. */
export function finiteArgument(f: (x: number) => number): (x: number) => number {
  return (x) => {
    checkFinite(x);
    return f(x);
  };
}

/** Raises 22003 unless the argument lies in [-1, 1] (or is NaN). */
export function unitArgument(f: (x: number) => number): (x: number) => number {
  return (x) => {
    checkUnit(x);
    return f(x);
  };
}
