/**
 * FreekdConv3x3FilterGradient: the gradient of the filter of a 3x3 convolution of stride 1, by winograd.h: each of the 16 entries is a matrix product
 * [inputs, tiles] [tiles, outputs] of the tiles' inputs with their gradients.
 */
#include <algorithm>
#include <vector>

#include "op.h"
#include "parallel.h"
#include "tiles.h"

namespace freekd {
namespace {

constexpr int64_t CHUNK = 512;  // tiles that are in memory at a time

/** Writes A dy A' of `tile`, channels [first, first + COLUMNS), to the 16 places of a panel. */
void read_gradient(const Tiles& tiles, int64_t tile, const float* dy, int64_t channels, int64_t first, float* const out[ENTRIES]) {
  const float* corner = dy + ((tiles.picture(tile) * tiles.height + tiles.top(tile)) * tiles.width + tiles.left(tile)) * channels + first;
  const int64_t count = std::min<int64_t>(COLUMNS, channels - first);
  float y[4][COLUMNS] = {};
  for (int k = 0; k < 4; k++)
    if (tiles.top(tile) + k / 2 < tiles.height && tiles.left(tile) + k % 2 < tiles.width) {
      const float* at = corner + (k / 2 * tiles.width + k % 2) * channels;
      std::copy(at, at + count, y[k]);
    }
  for (int lane = 0; lane < COLUMNS; lane += LANES) {
    Lanes own[4], m[ENTRIES];
    for (int k = 0; k < 4; k++) own[k] = load(y[k] + lane);
    transform_output_back(own, m);
    for (int e = 0; e < ENTRIES; e++) store(out[e] + lane, m[e]);
  }
}

/** x [N, H, W, Cin], dy [N, H, W, Cout] -> [3, 3, Cin, Cout]. */
void filter_gradient(Call& call) {
  const auto x = call.input<float>(0), dy = call.input<float>(1);
  const int64_t inputs = x.shape[3], outputs = dy.shape[3];
  const int64_t blocks = (inputs + ROWS - 1) / ROWS, panels = (outputs + COLUMNS - 1) / COLUMNS;
  const Tiles tiles(x.shape[0], x.shape[1], x.shape[2]);
  const int64_t chunk = std::min(CHUNK, tiles.count);
  std::vector<float> left(ENTRIES * blocks * chunk * ROWS), right(ENTRIES * panels * chunk * COLUMNS);  // [entry][block][tile][ROWS], [entry][panel][tile][COLUMNS]
  std::vector<float> products(ENTRIES * panels * blocks * ROWS * COLUMNS);                             // [entry][panel][input][COLUMNS]
  const std::vector<float> zeros(inputs);

  for (int64_t first = 0; first < tiles.count; first += chunk) {
    const int64_t count = std::min(chunk, tiles.count - first);
    parallel_for(count, [&](int64_t t) {
      thread_local std::vector<float> rows;  // [entry][input], zeros beyond the last input
      rows.assign(ENTRIES * blocks * ROWS, 0.0f);
      float* out[ENTRIES];
      for (int e = 0; e < ENTRIES; e++) out[e] = &rows[e * blocks * ROWS];
      read_tile(tiles, first + t, x.data, inputs, zeros.data(), out);
      for (int e = 0; e < ENTRIES; e++)
        for (int64_t b = 0; b < blocks; b++) std::copy_n(out[e] + b * ROWS, ROWS, &left[((e * blocks + b) * chunk + t) * ROWS]);
      for (int64_t p = 0; p < panels; p++) {
        for (int e = 0; e < ENTRIES; e++) out[e] = &right[((e * panels + p) * chunk + t) * COLUMNS];
        read_gradient(tiles, first + t, dy.data, outputs, p * COLUMNS, out);
      }
    });
    parallel_for(ENTRIES * panels, [&](int64_t task) {
      const int64_t e = task / panels;
      for (int64_t b = 0; b < blocks; b++)
        multiply_block<true>(count, &left[(e * blocks + b) * chunk * ROWS], 1, ROWS, &right[task * chunk * COLUMNS], &products[(task * blocks + b) * ROWS * COLUMNS], COLUMNS);
    });
  }

  float* dw = call.output(0, {3, 3, inputs, outputs}).data;
  parallel_for(panels, [&](int64_t p) {
    const int64_t count = std::min<int64_t>(COLUMNS, outputs - p * COLUMNS);
    for (int64_t i = 0; i < inputs; i++) {
      float g[9][COLUMNS];
      for (int lane = 0; lane < COLUMNS; lane += LANES) {
        Lanes u[ENTRIES], own[9];
        for (int e = 0; e < ENTRIES; e++) u[e] = load(&products[((e * panels + p) * blocks * ROWS + i) * COLUMNS + lane]);
        transform_filter_back(u, own);
        for (int k = 0; k < 9; k++) store(g[k] + lane, own[k]);
      }
      for (int k = 0; k < 9; k++) std::copy_n(g[k], count, dw + (k * inputs + i) * outputs + p * COLUMNS);
    }
  });
}

}  // namespace

void define_conv3x3_filter_gradient() { define<filter_gradient>("FreekdConv3x3FilterGradient", {"x: float", "dy: float"}, {"dw: float"}); }

}  // namespace freekd
