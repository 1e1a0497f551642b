/**
 * Vectors of channels, and the matrix product on blocks of channels, [C / LANES][rows][LANES]: the
 * rows of a micro-kernel are neighbours in memory. Written with vector types that GCC and Clang
 * compile for any processor; -march=native picks the width.
 */
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstring>

namespace freekd {

#if defined(__AVX512F__)
constexpr int WIDTH = 16;
#elif defined(__AVX__)
constexpr int WIDTH = 8;
#else
constexpr int WIDTH = 4;
#endif
typedef float Vector __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4), may_alias));
constexpr int LANES = 2 * WIDTH;  // channels of a block
constexpr int ROWS = 6;           // of a micro-kernel: 12 accumulators
constexpr int DEPTH = 256;        // summands between loads of the accumulators: a panel of the right factor stays in L1

inline Vector load(const float* p, int count) {
  if (count >= WIDTH) return *reinterpret_cast<const Vector*>(p);
  Vector v = {};
  if (count > 0) std::memcpy(&v, p, count * sizeof(float));
  return v;
}
inline void store(float* p, const Vector& v, int count) {
  if (count >= WIDTH) *reinterpret_cast<Vector*>(p) = v;
  else if (count > 0) std::memcpy(p, &v, count * sizeof(float));
}

/**
 * c[R][LANES] (+)= sum over k of a[r * row_step + k * depth_step] b[k][LANES]; a jumps by `jump`
 * after each LANES summands.
 */
template <int R, bool FORWARD>
inline void micro_kernel(const float* a, size_t jump, const float* b, int depth, float* c, bool add) {
  constexpr int row_step = FORWARD ? LANES : 1, depth_step = FORWARD ? 1 : LANES;
  Vector sum[R][2];
#pragma GCC unroll 8
  for (int r = 0; r < R; r++) {
    sum[r][0] = add ? load(c + r * LANES, WIDTH) : Vector{};
    sum[r][1] = add ? load(c + r * LANES + WIDTH, WIDTH) : Vector{};
  }
  for (int k0 = 0; k0 < depth; k0 += LANES, a += jump) {
    const int inner = FORWARD ? LANES : std::min(LANES, depth - k0);
    const float* x = a;
    for (int k = 0; k < inner; k++, x += depth_step, b += LANES) {
      const Vector b0 = load(b, WIDTH), b1 = load(b + WIDTH, WIDTH);
#pragma GCC unroll 8
      for (int r = 0; r < R; r++) {
        sum[r][0] += x[r * row_step] * b0;
        sum[r][1] += x[r * row_step] * b1;
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; r++) {
    store(c + r * LANES, sum[r][0], WIDTH);
    store(c + r * LANES + WIDTH, sum[r][1], WIDTH);
  }
}

/** All rows of one panel of LANES columns, ROWS at a time. */
template <bool FORWARD>
inline void panel(const float* a, int rows, size_t jump, const float* b, int depth, float* c, bool add) {
  constexpr int row_step = FORWARD ? LANES : 1;
  int r = 0;
  for (; r + ROWS <= rows; r += ROWS) micro_kernel<ROWS, FORWARD>(a + r * row_step, jump, b, depth, c + r * LANES, add);
  a += r * row_step, c += r * LANES;
  switch (rows - r) {
    case 1: micro_kernel<1, FORWARD>(a, jump, b, depth, c, add); break;
    case 2: micro_kernel<2, FORWARD>(a, jump, b, depth, c, add); break;
    case 3: micro_kernel<3, FORWARD>(a, jump, b, depth, c, add); break;
    case 4: micro_kernel<4, FORWARD>(a, jump, b, depth, c, add); break;
    case 5: micro_kernel<5, FORWARD>(a, jump, b, depth, c, add); break;
  }
}

inline int blocks(int channels) { return (channels + LANES - 1) / LANES; }

}  // namespace freekd
