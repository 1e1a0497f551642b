/**
 * FreekdAnalysis and FreekdSynthesis: one level of a wavelet transform and of its inverse; each is
 * the other's adjoint with transposed matrices.
 */
#include <vector>

#include "levels.h"
#include "op.h"
#include "parallel.h"

namespace freekd {
namespace {

Level only_level(Call& call, int input, Direction direction) {
  const auto plan = call.input<int32_t>(input, "plan", "[integers]");
  const auto weights = call.input<float>(input + 1, "weights", "[entries]");
  const auto levels = PlanReader(plan, weights).levels(direction);
  if (levels.size() != 1)
    throw std::invalid_argument("the plan has " + std::to_string(levels.size()) + " levels, expected one");
  return levels[0];
}

void expect_size(const char* name, const Shape& shape, int64_t height, int64_t width) {
  if (shape[1] != height || shape[2] != width)
    throw std::invalid_argument(std::string(name) + " is " + text(shape) + ", the plan is for " +
                                std::to_string(height) + " x " + std::to_string(width));
}

/** x [N, height, width, C] -> approximation, horizontal, vertical, diagonal [N, h, w, C]. */
void analysis(Call& call) {
  const auto x = call.input<float>(0, "x", "[N, H, W, C]");
  const Level level = only_level(call, 1, Direction::analysis);
  expect_size("x", x.shape, level.height, level.width);
  const int64_t channels = x.shape[3], picture = level.height * level.width * channels,
                band = level.h * level.w * channels;
  float* bands[4];
  for (int b = 0; b < 4; b++) bands[b] = call.output(b, {x.shape[0], level.h, level.w, channels}).data;
  if (x.size() == 0) return;
  const int64_t rows = 2 * level.h;
  parallel_for(x.shape[0] * rows, [&](int64_t task) {
    const int64_t n = task / rows;
    thread_local std::vector<float> row;
    row.resize(level.width * channels);
    float* const own[4] = {bands[0] + n * band, bands[1] + n * band, bands[2] + n * band, bands[3] + n * band};
    analyse_row(level, x.data + n * picture, channels, task % rows, own, row.data());
  });
}

/** approximation, horizontal, vertical, diagonal [N, h, w, C] -> [N, height, width, C]. */
void synthesis(Call& call) {
  static const char* const names[4] = {"approximation", "horizontal", "vertical", "diagonal"};
  Array<const float> bands[4];
  for (int b = 0; b < 4; b++) bands[b] = call.input<float>(b, names[b], "[N, h, w, C]");
  const Level level = only_level(call, 4, Direction::synthesis);
  const Shape& shape = bands[0].shape;
  expect_size("approximation", shape, level.h, level.w);
  for (int b = 1; b < 4; b++)
    if (bands[b].shape != shape)
      throw std::invalid_argument(std::string(names[b]) + " is " + text(bands[b].shape) + ", approximation is " +
                                  text(shape) + ": expected one shape");
  const int64_t n = shape[0], channels = shape[3], band = level.h * level.w * channels;
  const auto picture = call.output(0, {n, level.height, level.width, channels});
  if (picture.size() == 0) return;
  parallel_for(n * level.height, [&](int64_t task) {
    const int64_t place = task / level.height * band;
    thread_local std::vector<float> row;
    row.resize(2 * level.w * channels);
    const float* const own[4] = {bands[0].data + place, bands[1].data + place, bands[2].data + place,
                                 bands[3].data + place};
    synthesise_row(level, own, channels, task % level.height, picture.data + task * level.width * channels, row.data());
  });
}

}  // namespace

void define_wavelet() {
  define<analysis>("FreekdAnalysis", {"x: float", "plan: int32", "weights: float"},
                   {"approximation: float", "horizontal: float", "vertical: float", "diagonal: float"});
  define<synthesis>("FreekdSynthesis",
                    {"approximation: float", "horizontal: float", "vertical: float", "diagonal: float", "plan: int32",
                     "weights: float"},
                    {"x: float"});
}

}  // namespace freekd
