/**
 * One level of a separable wavelet transform of [H, W, C] values, in any boundary mode: along
 * either axis a linear map of few terms an output, given by sparse rows that lib/wavelet computes
 * in float64. Of analysis the rows are the low-pass, then the high-pass coefficients; of synthesis
 * the picture's rows (or columns). Height first, one row at a time, so that a row's intermediate
 * stays in cache.
 */
#pragma once
#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "op.h"
#include "rows.h"

namespace freekd {

/** One level: a picture of `height` x `width`, four bands of `h` x `w`. */
struct Level {
  int64_t height, width, h, w;
  Rows vertical, horizontal;
};

/**
 * What the matrices of a plan lead to: analysis gives the 2 h (2 w) rows of coefficients, synthesis
 * the picture's rows.
 */
enum class Direction { analysis, synthesis };

/**
 * Reads what lib/wavelet/plan.ts packs: for each level height, width, h, w, then the two matrices
 * as count, entries, start, index. Throws unless all of it is there and every index lies within
 * what it points to, so that the transforms need no check of their own.
 */
class PlanReader {
 public:
  PlanReader(const Array<const int32_t>& plan, const Array<const float>& weights)
      : integers_(plan.data),
        end_(plan.data + plan.size()),
        weights_(weights.data),
        last_weight_(weights.data + weights.size()) {}

  std::vector<Level> levels(Direction direction) {
    std::vector<Level> levels;
    while (integers_ < end_) {
      Level level{side(), side(), side(), side(), {}, {}};
      if (!levels.empty() && (level.height != levels.back().h || level.width != levels.back().w))
        fail("a level is not as large as the bands before it");
      const bool forward = direction == Direction::analysis;
      level.vertical = forward ? rows(2 * level.h, level.height) : rows(level.height, 2 * level.h);
      level.horizontal = forward ? rows(2 * level.w, level.width) : rows(level.width, 2 * level.w);
      levels.push_back(level);
    }
    if (weights_ != last_weight_) fail("there are more weights than the plan has entries");
    return levels;
  }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    throw std::invalid_argument("plan and weights, expected as lib/wavelet/plan.ts packs them: " + what);
  }

  int64_t next() {
    if (integers_ == end_) fail("the plan ends within a level");
    return *integers_++;
  }

  int64_t side() {
    const int64_t value = next();
    if (value < 1) fail("a side is " + std::to_string(value));
    return value;
  }

  Rows rows(int64_t count, int64_t columns) {
    const int64_t given = next(), entries = next();
    if (given != count)
      fail("a matrix has " + std::to_string(given) + " rows where the level has " + std::to_string(count));
    if (entries < 0 || count + 1 + entries > end_ - integers_)
      fail("the plan ends within a matrix of " + std::to_string(entries) + " entries");
    if (entries > last_weight_ - weights_) fail("there are fewer weights than the plan has entries");
    const Rows matrix{count, integers_, integers_ + count + 1, weights_};
    integers_ += count + 1 + entries;
    weights_ += entries;
    if (matrix.start[0] != 0 || matrix.start[count] != entries ||
        !std::is_sorted(matrix.start, matrix.start + count + 1))
      fail("the rows of a matrix do not follow each other");
    for (int64_t k = 0; k < entries; k++)
      if (matrix.index[k] < 0 || matrix.index[k] >= columns)
        fail("an index is " + std::to_string(matrix.index[k]) + " in a matrix of " + std::to_string(columns) +
             " columns");
    return matrix;
  }

  const int32_t *integers_, *end_;
  const float *weights_, *last_weight_;
};

/**
 * Row r of 2 h of the four bands of x [height, width, channels]: r < h is row r of approximation
 * and vertical, else r - h of horizontal and diagonal.
 * @param bands approximation, horizontal, vertical, diagonal [h, w, channels]
 * @param row scratch of width * channels
 */
inline void analyse_row(const Level& level, const float* x, int64_t channels, int64_t r, float* const bands[4],
                        float* row) {
  combine(row, level.vertical, r, level.width * channels, [&](int64_t i) { return x + i * level.width * channels; });
  const bool high = r >= level.h;
  const int64_t place = (high ? r - level.h : r) * level.w * channels;
  float* const halves[2] = {bands[high ? 1 : 0] + place, bands[high ? 3 : 2] + place};
  for (int64_t o = 0; o < 2 * level.w; o++) {
    float* out = o < level.w ? halves[0] + o * channels : halves[1] + (o - level.w) * channels;
    combine(out, level.horizontal, o, channels, [&](int64_t i) { return row + i * channels; });
  }
}

/**
 * Row y of the picture from its four bands, by matrices of `height` and `width` rows; `row`:
 * scratch of 2 w * channels.
 */
inline void synthesise_row(const Level& level, const float* const bands[4], int64_t channels, int64_t y, float* out,
                           float* row) {
  const int64_t n = level.w * channels;
  for (int half = 0; half < 2; half++) {
    const float *low = bands[half == 0 ? 0 : 2], *high = bands[half == 0 ? 1 : 3];
    combine(row + half * n, level.vertical, y, n,
            [&](int64_t i) { return i < level.h ? low + i * n : high + (i - level.h) * n; });
  }
  for (int64_t t = 0; t < level.width; t++) {
    combine(out + t * channels, level.horizontal, t, channels, [&](int64_t i) { return row + i * channels; });
  }
}

}  // namespace freekd
