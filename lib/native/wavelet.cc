/** FreekdAnalysis and FreekdSynthesis: one level of a wavelet transform and of its inverse; each is the other's adjoint with transposed matrices. */
#include <vector>

#include "levels.h"
#include "op.h"
#include "parallel.h"

namespace freekd {
namespace {

Level only_level(Call& call, int input) {
  const auto integers = call.input<int32_t>(input);
  const auto weights = call.input<float>(input + 1);
  const auto levels = read_levels(integers.data, integers.size(), weights.data);
  if (levels.size() != 1) throw std::invalid_argument("one level of a wavelet transform was expected");
  return levels[0];
}

/** x [N, height, width, C] -> approximation, horizontal, vertical, diagonal [N, h, w, C]. */
void analysis(Call& call) {
  const auto x = call.input<float>(0);
  const Level level = only_level(call, 1);
  const int64_t channels = x.shape[3], picture = level.height * level.width * channels, band = level.h * level.w * channels;
  if (x.shape[1] != level.height || x.shape[2] != level.width) throw std::invalid_argument("FreekdAnalysis: the plan is for another size");
  float* bands[4];
  for (int b = 0; b < 4; b++) bands[b] = call.output(b, {x.shape[0], level.h, level.w, channels}).data;
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
  Array<const float> bands[4];
  for (int b = 0; b < 4; b++) bands[b] = call.input<float>(b);
  const Level level = only_level(call, 4);
  const int64_t n = bands[0].shape[0], channels = bands[0].shape[3], band = level.h * level.w * channels;
  for (const auto& given : bands)
    if (given.shape[1] != level.h || given.shape[2] != level.w) throw std::invalid_argument("FreekdSynthesis: the plan is for another size");
  float* out = call.output(0, {n, level.height, level.width, channels}).data;
  parallel_for(n * level.height, [&](int64_t task) {
    const int64_t place = task / level.height * band;
    thread_local std::vector<float> row;
    row.resize(2 * level.w * channels);
    const float* const own[4] = {bands[0].data + place, bands[1].data + place, bands[2].data + place, bands[3].data + place};
    synthesise_row(level, own, channels, task % level.height, out + task * level.width * channels, row.data());
  });
}

}  // namespace

void define_wavelet() {
  define<analysis>("FreekdAnalysis", {"x: float", "plan: int32", "weights: float"}, {"approximation: float", "horizontal: float", "vertical: float", "diagonal: float"});
  define<synthesis>("FreekdSynthesis", {"approximation: float", "horizontal: float", "vertical: float", "diagonal: float", "plan: int32", "weights: float"}, {"x: float"});
}

}  // namespace freekd
