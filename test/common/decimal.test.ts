/** numeric against bigint rationals, and its documented edges. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digitCount, divideRounded, integerSqrt, pow10 } from '../../common/bigDigits.ts';
import { Decimal } from '../../common/decimal.ts';
import { factorial, sqrt } from '../../common/decimalMath.ts';
import { decimals } from './arbitraries.ts';

const finite = decimals.filter((d) => d.special === null);

/** Value times 10^40. */
function scaled(d: Decimal): bigint {
  return d.coefficient * pow10(40 - d.scale);
}

describe('Decimal', () => {
  it('adds, subtracts and compares exactly', () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        expect(scaled(a.add(b))).toBe(scaled(a) + scaled(b));
        expect(scaled(a.sub(b))).toBe(scaled(a) - scaled(b));
        expect(a.add(b).scale).toBe(Math.max(a.scale, b.scale));
        const [x, y] = [scaled(a), scaled(b)];
        expect(a.compare(b)).toBe(x < y ? -1 : x > y ? 1 : 0);
        expect(a.equals(b)).toBe(x === y);
      }),
    );
  });

  it('multiplies exactly', () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        const p = a.mul(b);
        expect(p.coefficient).toBe(a.coefficient * b.coefficient);
        expect(p.scale).toBe(a.scale + b.scale);
      }),
    );
  });

  it('divides to within half a unit of at least 16 significant digits', () => {
    fc.assert(
      fc.property(
        finite,
        finite.filter((d) => d.coefficient !== 0n),
        (a, b) => {
          const q = a.div(b);
          // |a - q*b| * 2 <= |b| * 10^-scale
          const error = a.sub(q.mul(b)).abs();
          const bound = b.abs().mul(new Decimal(1n, q.scale));
          expect(error.add(error).compare(bound)).toBeLessThanOrEqual(0);
          if (a.coefficient !== 0n && q.scale < 1000) {
            expect(digitCount(q.coefficient)).toBeGreaterThanOrEqual(13);
          }
        },
      ),
    );
  });

  it('has a remainder with the sign of the dividend', () => {
    fc.assert(
      fc.property(
        finite,
        finite.filter((d) => d.coefficient !== 0n),
        (a, b) => {
          const r = a.mod(b);
          expect(a.divTrunc(b).mul(b).add(r).compare(a)).toBe(0);
          expect(r.signum() === 0 || r.signum() === a.signum()).toBe(true);
        },
      ),
    );
  });

  it('prints and parses back with its scale', () => {
    fc.assert(
      fc.property(decimals, (d) => {
        const back = Decimal.parse(d.toString());
        expect([back.coefficient, back.scale, back.special]).toEqual([d.coefficient, d.scale, d.special]);
      }),
    );
  });

  it('agrees with doubles', () => {
    fc.assert(
      fc.property(finite, (d) => {
        expect(d.toNumberUnchecked()).toBe(Number(d.toString()));
      }),
    );
  });

  it('enforces precision and scale', () => {
    expect(Decimal.parse('123.455').applyTypmod(5, 2).toString()).toBe('123.46');
    expect(() => Decimal.parse('999.995').applyTypmod(5, 2)).toThrow('numeric field overflow');
    expect(Decimal.parse('12345').applyTypmod(3, -2).toString()).toBe('12300');
    expect(Decimal.parse('0.0012').applyTypmod(2, 4).toString()).toBe('0.0012');
    expect(() => Decimal.parse('0.01').applyTypmod(2, 4)).toThrow('numeric field overflow');
    expect(() => Decimal.INFINITY.applyTypmod(5, 2)).toThrow('numeric field overflow');
    expect(Decimal.NAN.applyTypmod(5, 2).isNaN()).toBe(true);
  });

  it('has limits', () => {
    expect(() => Decimal.parse('1e131072')).toThrow('value overflows numeric format');
    expect(Decimal.parse('1e131071').toString().length).toBe(131_072);
    expect(() => Decimal.parse('1e-16384')).toThrow('value overflows numeric format');
    const big = Decimal.parse('9e131071');
    expect(() => big.add(big)).toThrow('value overflows numeric format');
    expect(() => big.mul(big)).toThrow('value overflows numeric format');
  });

  it('rounds floats to 15 (or 6) significant digits, exact ties to even', () => {
    expect(Decimal.fromNumber(0.1).toString()).toBe('0.1');
    expect(Decimal.fromNumber(902107309320250.5).toString()).toBe('902107309320250');
    expect(Decimal.fromNumber(100000.5, 6).toString()).toBe('100000');
    expect(Decimal.fromNumber(1e30).toString()).toBe(`1${'0'.repeat(30)}`);
    expect(Decimal.fromNumber(Number.NaN).isNaN()).toBe(true);
  });
});

describe('big digits', () => {
  it('counts, rounds and takes roots', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 90n }),
        fc.bigInt({ min: 1n, max: 10n ** 20n }),
        (n, d) => {
          expect(digitCount(n)).toBe(n.toString().length);
          expect(digitCount(-n)).toBe(n.toString().length);
          const r = integerSqrt(n);
          expect(r * r <= n && (r + 1n) * (r + 1n) > n).toBe(true);
          const q = divideRounded(n, d);
          const error = n - q * d;
          expect((error < 0n ? -error : error) * 2n <= d).toBe(true);
          expect(divideRounded(-n, d)).toBe(-q);
        },
      ),
    );
    expect(pow10(3000)).toBe(10n ** 3000n);
  });

  it('squares roots back', () => {
    expect(sqrt(Decimal.parse('2')).toString()).toBe('1.414213562373095');
    expect(factorial(20n).toString()).toBe('2432902008176640000');
    expect(() => factorial(-1n)).toThrow('factorial of a negative number is undefined');
  });
});
