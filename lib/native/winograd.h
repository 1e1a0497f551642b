/**
 * Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray, arXiv 1509.09308): a 3x3 convolution of stride 1 with 2.25 times fewer products. A tile
 * of 4x4 inputs gives 2x2 outputs,
 *
 *   Y = A' [ (G g G') . (B' d B) ] A
 *
 * with the product taken entry by entry; over the channels each of the 16 entries is a matrix product of its own. The transforms hold
 * nothing but 0, 1, -1 and 1/2, so the rounding is that of a direct convolution.
 */
#pragma once
#include <cstdint>

namespace freekd {

constexpr int ENTRIES = 16;

/** B' d B; V: a number, or several side by side. */
template <class V>
inline void transform_input(const V d[ENTRIES], V out[ENTRIES]) {
  V t[ENTRIES];
  for (int j = 0; j < 4; j++) {
    t[j] = d[j] - d[8 + j];
    t[4 + j] = d[4 + j] + d[8 + j];
    t[8 + j] = d[8 + j] - d[4 + j];
    t[12 + j] = d[4 + j] - d[12 + j];
  }
  for (int i = 0; i < 4; i++) {
    const V* r = t + 4 * i;
    out[4 * i] = r[0] - r[2];
    out[4 * i + 1] = r[1] + r[2];
    out[4 * i + 2] = r[2] - r[1];
    out[4 * i + 3] = r[1] - r[3];
  }
}

/** G g G': the 3x3 filter g to 4x4. */
template <class V>
inline void transform_filter(const V g[9], V u[ENTRIES]) {
  V t[12];
  for (int j = 0; j < 3; j++) {
    const V even = 0.5f * (g[j] + g[6 + j]), odd = 0.5f * g[3 + j];
    t[j] = g[j];
    t[3 + j] = even + odd;
    t[6 + j] = even - odd;
    t[9 + j] = g[6 + j];
  }
  for (int i = 0; i < 4; i++) {
    const V* r = t + 3 * i;
    const V even = 0.5f * (r[0] + r[2]), odd = 0.5f * r[1];
    u[4 * i] = r[0];
    u[4 * i + 1] = even + odd;
    u[4 * i + 2] = even - odd;
    u[4 * i + 3] = r[2];
  }
}

/** A' m A: 4x4 to the 2x2 outputs. */
template <class V>
inline void transform_output(const V m[ENTRIES], V y[4]) {
  V t[8];
  for (int j = 0; j < 4; j++) {
    t[j] = m[j] + m[4 + j] + m[8 + j];
    t[4 + j] = m[4 + j] - m[8 + j] - m[12 + j];
  }
  for (int i = 0; i < 2; i++) {
    const V* r = t + 4 * i;
    y[2 * i] = r[0] + r[1] + r[2];
    y[2 * i + 1] = r[1] - r[2] - r[3];
  }
}

/** A y A': the gradient of 2x2 outputs to that of the 16 products. */
template <class V>
inline void transform_output_back(const V y[4], V m[ENTRIES]) {
  V t[8];
  for (int j = 0; j < 2; j++) {
    t[j] = y[j];
    t[2 + j] = y[j] + y[2 + j];
    t[4 + j] = y[j] - y[2 + j];
    t[6 + j] = -y[2 + j];
  }
  for (int i = 0; i < 4; i++) {
    const V* r = t + 2 * i;
    m[4 * i] = r[0];
    m[4 * i + 1] = r[0] + r[1];
    m[4 * i + 2] = r[0] - r[1];
    m[4 * i + 3] = -r[1];
  }
}

/** G' u G: the gradient of the 16 products' filter to that of the 3x3 filter. */
template <class V>
inline void transform_filter_back(const V u[ENTRIES], V g[9]) {
  V t[12];
  for (int j = 0; j < 4; j++) {
    const V even = 0.5f * (u[4 + j] + u[8 + j]), odd = 0.5f * (u[4 + j] - u[8 + j]);
    t[j] = u[j] + even;
    t[4 + j] = odd;
    t[8 + j] = u[12 + j] + even;
  }
  for (int i = 0; i < 3; i++) {
    const V* r = t + 4 * i;
    const V even = 0.5f * (r[1] + r[2]), odd = 0.5f * (r[1] - r[2]);
    g[3 * i] = r[0] + even;
    g[3 * i + 1] = odd;
    g[3 * i + 2] = r[3] + even;
  }
}

}  // namespace freekd
