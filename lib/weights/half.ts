/**
 * Half precision (IEEE binary16) and bfloat16, as bit patterns in a Uint16Array, to and from
 * float32.
 */

/** All 65,536 halves as float32; made at the first use. */
let halves: Float32Array | undefined;

function halfTable(): Float32Array {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) table[bits] = fraction ? NaN : sign * Infinity;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
}

/** Widens halves into `target`, from index `start`; exact. */
export function widenHalf(bits: Uint16Array, target: Float32Array, start = 0): void {
  halves ??= halfTable();
  for (let i = 0; i < bits.length; i++) target[start + i] = halves[bits[i]];
}

/** Widens bfloat16 (the upper half of a float32) into `target`, from index `start`; exact. */
export function widenBfloat16(bits: Uint16Array, target: Float32Array, start = 0): void {
  const words = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < bits.length; i++) words[start + i] = bits[i] << 16;
}

/**
 * Narrows float32 to half, to the nearest, ties to even. From 65520 on the result is infinite,
 * below 2^-25 it is zero.
 */
export function narrowToHalf(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const sign = (words[i] >>> 16) & 0x8000;
    const magnitude = words[i] & 0x7fffffff;
    result[i] = sign | narrowMagnitude(magnitude);
  }
  return result;
}

/**
 * `magnitude`: the bits of a float32 without its sign. Adding just under half a unit, plus the last
 * bit kept, rounds to even.
 */
function narrowMagnitude(magnitude: number): number {
  if (magnitude > 0x7f800000) return 0x7e00; // not a number
  if (magnitude >= 0x477ff000) return 0x7c00; // 65520 and more
  if (magnitude >= 0x38800000) return (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
  const shift = 126 - (magnitude >>> 23); // a subnormal half: below 2^-14
  if (shift > 24) return 0; // below 2^-25
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  return (fraction + (1 << (shift - 1)) - 1 + ((fraction >>> shift) & 1)) >>> shift;
}
