/**
 * Floating point in 8 bits (Open Compute Project, "OCP 8-bit Floating Point Specification", and its
 * scale format E8M0; FNUZ: the variants of Graphcore and AMD), to float32, which holds them all
 * exactly.
 */

/** Bits of the exponent and of the fraction, the exponent's bias, and what the largest codes mean. */
const formats = {
  F8_E4M3: { exponent: 4, fraction: 3, bias: 7, special: 'nan at the end' },
  F8_E5M2: { exponent: 5, fraction: 2, bias: 15, special: 'as IEEE' },
  F8_E4M3FNUZ: { exponent: 4, fraction: 3, bias: 8, special: 'nan for -0' },
  F8_E5M2FNUZ: { exponent: 5, fraction: 2, bias: 16, special: 'nan for -0' },
} as const;

export type Float8 = keyof typeof formats | 'F8_E8M0';

function value(format: Float8, bits: number): number {
  if (format === 'F8_E8M0') return bits === 255 ? NaN : 2 ** (bits - 127); // a scale, without sign
  const { exponent: width, fraction: places, bias, special } = formats[format];
  const sign = bits & 128 ? -1 : 1;
  const exponent = (bits & 127) >> places;
  const fraction = bits & ((1 << places) - 1);
  if (special === 'nan for -0' && bits === 128) return NaN;
  if (special === 'nan at the end' && (bits & 127) === 127) return NaN;
  if (special === 'as IEEE' && exponent === (1 << width) - 1) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - places);
  return sign * (1 + fraction / (1 << places)) * 2 ** (exponent - bias);
}

/** Makes what widens numbers of a format into `target`, from index `start`; exact. */
export function widenFloat8(format: Float8): (bits: Uint8Array, target: Float32Array, start?: number) => void {
  const table = Float32Array.from({ length: 256 }, (_, bits) => value(format, bits));
  return (bits, target, start = 0) => {
    for (let i = 0; i < bits.length; i++) target[start + i] = table[bits[i]];
  };
}
