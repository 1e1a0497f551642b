/** The inner kernel of our matrix products: a small block of C stays in registers while one row of A and one panel of B pass by. */
#pragma once
#include <cstdint>

namespace freekd {

#if defined(__AVX512F__)
constexpr int LANES = 16;
#else
constexpr int LANES = 8;
#endif
typedef float Lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float))));

inline Lanes load(const float* at) { return *reinterpret_cast<const Lanes*>(at); }
inline void store(float* at, Lanes values) { *reinterpret_cast<Lanes*>(at) = values; }

constexpr int ROWS = 6;              // of a block of C
constexpr int COLUMNS = 2 * LANES;   // of a block of C: a panel

/**
 * c[i, j] = sum_k a[i * row + k * step] b[k * COLUMNS + j] for ROWS rows and COLUMNS columns.
 * @param row, step distances of the rows and of the columns of A
 * @param b a panel [depth, COLUMNS]
 * @param c rows at a distance of `stride`; with `add` the product is added to what is there
 */
template <bool add = false>
inline void multiply_block(int64_t depth, const float* a, int64_t row, int64_t step, const float* b, float* c, int64_t stride) {
  Lanes sum[ROWS][2] = {};
  for (int64_t k = 0; k < depth; k++, a += step, b += COLUMNS) {
    const Lanes left = load(b), right = load(b + LANES);
#pragma GCC unroll 6
    for (int i = 0; i < ROWS; i++) {
      const float factor = a[i * row];
      sum[i][0] += factor * left;
      sum[i][1] += factor * right;
    }
  }
  for (int i = 0; i < ROWS; i++, c += stride) {
    store(c, add ? load(c) + sum[i][0] : sum[i][0]);
    store(c + LANES, add ? load(c + LANES) + sum[i][1] : sum[i][1]);
  }
}

}  // namespace freekd
