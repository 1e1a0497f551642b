/**
 * FreekdBandDistance: the weighted L1 distance of two features in the wavelet domain with its
 * gradient, as lib/freekd/band-distance.ts defines it, in one pass: a task takes some channels of
 * one picture through transform, distance and adjoint in scratch memory, so that no band is ever a
 * tensor.
 */
#include <cstring>
#include <vector>

#include "levels.h"
#include "op.h"
#include "parallel.h"

namespace freekd {
namespace {

constexpr int64_t CHANNELS = 64;  // of a task

/** A sparse matrix that owns its memory. */
struct TransposedRows {
  std::vector<int32_t> start, index;
  std::vector<float> weight;

  TransposedRows(const Rows& rows, int64_t columns)
      : start(columns + 1), index(rows.start[rows.count]), weight(rows.start[rows.count]) {
    const int64_t entries = rows.start[rows.count];
    for (int64_t k = 0; k < entries; k++) start[rows.index[k] + 1]++;
    for (int64_t c = 0; c < columns; c++) start[c + 1] += start[c];
    std::vector<int32_t> next(start.begin(), start.end() - 1);
    for (int64_t r = 0; r < rows.count; r++)
      for (int64_t k = rows.start[r]; k < rows.start[r + 1]; k++) {
        const int32_t at = next[rows.index[k]]++;
        index[at] = static_cast<int32_t>(r);
        weight[at] = rows.weight[k];
      }
  }
  Rows rows() const { return {static_cast<int64_t>(start.size()) - 1, start.data(), index.data(), weight.data()}; }
};

/** The same level backwards. */
struct Adjoint {
  TransposedRows vertical, horizontal;
  Level level;
  explicit Adjoint(const Level& forward)
      : vertical(forward.vertical, forward.height), horizontal(forward.horizontal, forward.width), level(forward) {
    level.vertical = vertical.rows();
    level.horizontal = horizontal.rows();
  }
};

/**
 * Adds factor * map * |band| to `sums` and puts factor * map * sign(band) in the band's place.
 * @param band [positions, channels]
 * @param map [positions], or null for ones
 * @param sums [channels]
 */
void distance(float* band, int64_t rows, int64_t columns, int64_t channels, float factor, const float* map,
              double* sums) {
  float part[CHANNELS];  // of one row: few enough numbers for float32
  for (int64_t r = 0; r < rows; r++) {
    std::memset(part, 0, sizeof(part));
    for (int64_t c = 0; c < columns; c++, band += channels) {
      const float weight = map ? factor * *map++ : factor;
      for (int64_t i = 0; i < channels; i++) {
        const float value = band[i];
        part[i] += weight * (value < 0 ? -value : value);
        band[i] = weight * (value == value ? static_cast<float>((value > 0) - (value < 0)) : value);  // NaN stays NaN
      }
    }
    for (int64_t i = 0; i < channels; i++) sums[i] += part[i];
  }
}

/** The number of positions of all bands. */
int64_t positions_of(const std::vector<Level>& levels, int64_t height, int64_t width) {
  if (levels.empty()) return elements({height, width});
  int64_t sum = elements({levels.back().h, levels.back().w});
  for (const Level& level : levels) sum += elements({3, level.h, level.w});
  return sum;
}

/**
 * student, teacher [N, H, W, C]; maps [N, P] the bands' weight maps one after the other, or [0] for
 * ones; scales [B] -> sums [N, C], what each channel contributes, and gradient [N, H, W, C], that
 * of their sum by the student.
 */
void band_distance(Call& call) {
  const auto student = call.input<float>(0, "student", "[N, H, W, C]"),
             teacher = call.input<float>(1, "teacher", "[N, H, W, C]");
  const auto maps = call.input<float>(2), scales = call.input<float>(3, "scales", "[B]");
  const auto plan = call.input<int32_t>(4, "plan", "[integers]");
  const auto weights = call.input<float>(5, "weights", "[entries]");
  const auto levels = PlanReader(plan, weights).levels(Direction::analysis);
  const int64_t height = student.shape[1], width = student.shape[2], channels = student.shape[3],
                count = static_cast<int64_t>(levels.size());
  if (teacher.shape != student.shape)
    throw std::invalid_argument("teacher is " + text(teacher.shape) + ", student is " + text(student.shape) +
                                ": expected one shape");
  if (count > 0 && (levels[0].height != height || levels[0].width != width))
    throw std::invalid_argument("student is " + text(student.shape) + ", the plan is for " +
                                std::to_string(levels[0].height) + " x " + std::to_string(levels[0].width));
  if (scales.size() != 3 * count + 1)
    throw std::invalid_argument("scales is " + text(scales.shape) + ", expected one a band: " + text({3 * count + 1}));
  const int64_t positions = positions_of(levels, height, width);
  const bool mapped = maps.shape != Shape{0};
  if (mapped && maps.shape != Shape{student.shape[0], positions})
    throw std::invalid_argument(
        "maps is " + text(maps.shape) +
        ", expected [0] or one weight a position of each band: " + text({student.shape[0], positions}));

  auto sums = call.output(0, {student.shape[0], channels});
  auto gradient = call.output(1, student.shape);
  if (sums.size() == 0) return;
  const std::vector<Adjoint> adjoints(levels.begin(), levels.end());
  const int64_t blocks = (channels + CHANNELS - 1) / CHANNELS, last = count - 1;

  parallel_for(student.shape[0] * blocks, [&](int64_t task) {
    const int64_t n = task / blocks, first = task % blocks * CHANNELS, c = std::min(CHANNELS, channels - first);
    const int64_t offset = n * height * width * channels + first;

    // One buffer: the picture, then the four bands of each level, then a row.
    thread_local std::vector<float> scratch;
    int64_t needed = height * width * c, widest = width;
    for (const Level& level : levels)
      needed += elements({4, level.h, level.w, c}), widest = std::max({widest, level.width, 2 * level.w});
    if (static_cast<int64_t>(scratch.size()) < needed + widest * c) scratch.resize(needed + widest * c);
    float *picture = scratch.data(), *free = picture + height * width * c, *row = picture + needed;
    for (int64_t p = 0; p < height * width; p++)
      for (int64_t i = 0; i < c; i++)
        picture[p * c + i] = student.data[offset + p * channels + i] - teacher.data[offset + p * channels + i];

    std::vector<float*> bands(4 * levels.size());
    float* x = picture;
    for (size_t l = 0; l < levels.size(); l++) {
      for (int b = 0; b < 4; b++, free += levels[l].h * levels[l].w * c) bands[4 * l + b] = free;
      for (int64_t r = 0; r < 2 * levels[l].h; r++) analyse_row(levels[l], x, c, r, &bands[4 * l], row);
      x = bands[4 * l];
    }

    double total[CHANNELS] = {};
    const float* map = mapped ? maps.data + n * positions : nullptr;
    auto measure = [&](float* band, int64_t h, int64_t w, float scale) {
      if (scale != 0) distance(band, h, w, c, scale, map, total);
      else std::memset(band, 0, h * w * c * sizeof(float));
      if (map) map += h * w;
    };
    measure(x, last < 0 ? height : levels[last].h, last < 0 ? width : levels[last].w, scales.data[0]);
    for (int64_t l = last; l >= 0; l--)
      for (int b = 1; b < 4; b++) measure(bands[4 * l + b], levels[l].h, levels[l].w, scales.data[3 * (last - l) + b]);

    for (int64_t l = last; l >= 0; l--) {
      float* out = l > 0 ? bands[4 * (l - 1)] : picture;
      for (int64_t y = 0; y < levels[l].height; y++)
        synthesise_row(adjoints[l].level, &bands[4 * l], c, y, out + y * levels[l].width * c, row);
    }
    for (int64_t p = 0; p < height * width; p++)
      std::memcpy(gradient.data + offset + p * channels, picture + p * c, c * sizeof(float));
    for (int64_t i = 0; i < c; i++) sums.data[n * channels + first + i] = static_cast<float>(total[i]);
  });
}

}  // namespace

void define_band_distance() {
  define<band_distance>(
      "FreekdBandDistance",
      {"student: float", "teacher: float", "maps: float", "scales: float", "plan: int32", "weights: float"},
      {"sums: float", "gradient: float"});
}

}  // namespace freekd
