/** Sums of few weighted vectors, and sparse matrices of them. */
#pragma once
#include <algorithm>
#include <cstdint>

namespace freekd {

/**
 * A sparse matrix by rows: entries start[r] .. start[r + 1] - 1 of `index` (the column) and
 * `weight` are of row r.
 */
struct Rows {
  int64_t count;
  const int32_t* start;
  const int32_t* index;
  const float* weight;
};

/** out[0 .. n) (+)= sum of weight * in over K vectors. */
template <int K, bool add>
inline void weighted(float* __restrict out, const float* const* in, const float* weight, int64_t n) {
  const float* source[K];
  float factor[K];
  for (int k = 0; k < K; k++) source[k] = in[k], factor[k] = weight[k];
  for (int64_t i = 0; i < n; i++) {
    float sum = add ? out[i] : 0.0f;
    for (int k = 0; k < K; k++) sum += factor[k] * source[k][i];
    out[i] = sum;
  }
}

template <bool add>
inline void weighted(float* out, const float* const* in, const float* weight, int64_t n, int terms) {
  switch (terms) {
    case 1: return weighted<1, add>(out, in, weight, n);
    case 2: return weighted<2, add>(out, in, weight, n);
    case 3: return weighted<3, add>(out, in, weight, n);
    default: return weighted<4, add>(out, in, weight, n);
  }
}

/** out[0 .. n) = sum of weight * at(index)[0 .. n) over the entries of a row. */
template <class Source>
inline void combine(float* out, const Rows& rows, int64_t row, int64_t n, Source at) {
  constexpr int64_t BLOCK = 1024;  // floats of `out` that stay in the first cache while the terms are added
  const int64_t begin = rows.start[row], end = rows.start[row + 1];
  if (begin == end) std::fill(out, out + n, 0.0f);
  for (int64_t from = 0; from < n; from += BLOCK) {
    const int64_t length = std::min(BLOCK, n - from);
    for (int64_t k = begin; k < end; k += 4) {
      const int terms = static_cast<int>(std::min<int64_t>(4, end - k));
      const float* in[4];
      for (int i = 0; i < terms; i++) in[i] = at(rows.index[k + i]) + from;
      if (k == begin) weighted<false>(out + from, in, rows.weight + k, length, terms);
      else weighted<true>(out + from, in, rows.weight + k, length, terms);
    }
  }
}

}  // namespace freekd
