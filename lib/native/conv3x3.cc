/** FreekdConv3x3: 3x3 convolution of stride 1 with zeros around the picture, and the gradient of its input, by winograd.h. */
#include <algorithm>
#include <vector>

#include "op.h"
#include "parallel.h"
#include "tiles.h"

namespace freekd {
namespace {

constexpr int64_t BLOCK = 8 * ROWS;         // tiles of a task at the most
constexpr int64_t OUTPUTS = 4 * COLUMNS;    // output channels that a task finishes at a time

/** The 16 matrices [inputs, outputs] of a filter, in panels: [ENTRIES][panels][inputs][COLUMNS], zeros beyond the last output. */
struct Filter {
  int64_t inputs, outputs, panels;
  std::vector<float> values;

  /**
   * @param weights [3, 3, inputs, outputs]; for the gradient of the input [3, 3, outputs, inputs], to be turned by 180 degrees
   */
  Filter(const float* weights, int64_t inputs, int64_t outputs, bool gradient) : inputs(inputs), outputs(outputs), panels((outputs + COLUMNS - 1) / COLUMNS) {
    values.resize(ENTRIES * panels * inputs * COLUMNS);
    const int64_t area = inputs * outputs;
    parallel_for(panels, [&](int64_t panel) {
      const int64_t first = panel * COLUMNS, count = std::min<int64_t>(COLUMNS, outputs - first);
      for (int64_t i = 0; i < inputs; i++) {
        float g[9][COLUMNS] = {};
        for (int k = 0; k < 9; k++) {
          const float* at = weights + (gradient ? (8 - k) * area + first * inputs + i : k * area + i * outputs + first);
          for (int64_t o = 0; o < count; o++) g[k][o] = at[gradient ? o * inputs : o];
        }
        for (int lane = 0; lane < COLUMNS; lane += LANES) {
          Lanes own[9], u[ENTRIES];
          for (int k = 0; k < 9; k++) own[k] = load(g[k] + lane);
          transform_filter(own, u);
          for (int e = 0; e < ENTRIES; e++) store(&values[((e * panels + panel) * inputs + i) * COLUMNS + lane], u[e]);
        }
      }
    });
  }
};

/** Writes the outputs [2, 2, count] of a tile from its 16 products; what lies beyond the picture is left out. */
void write_tile(const Tiles& tiles, int64_t tile, const float* const m[ENTRIES], const float* bias, float* y, int64_t channels, int64_t count) {
  float* corner = y + ((tiles.picture(tile) * tiles.height + tiles.top(tile)) * tiles.width + tiles.left(tile)) * channels;
  const bool low = tiles.top(tile) + 1 < tiles.height, right = tiles.left(tile) + 1 < tiles.width;
  float out[4][OUTPUTS];
  for (int64_t c = 0; c < OUTPUTS; c += LANES) {  // beyond `count` the products are zero or old: finite, and left out below
    Lanes own[ENTRIES], four[4];
    for (int e = 0; e < ENTRIES; e++) own[e] = load(m[e] + c);
    transform_output(own, four);
    for (int k = 0; k < 4; k++) store(out[k] + c, four[k]);
  }
  if (bias)
    for (int k = 0; k < 4; k++)
      for (int64_t c = 0; c < count; c++) out[k][c] += bias[c];
  for (int k = 0; k < 4; k++)
    if ((k < 2 || low) && (k % 2 == 0 || right)) std::copy(out[k], out[k] + count, corner + (k / 2 * tiles.width + k % 2) * channels);
}

void convolve(const float* x, const Filter& filter, const float* bias, const Tiles& tiles, float* y) {
  const int64_t depth = filter.inputs, size = std::min(BLOCK, (std::max<int64_t>(1, tiles.count / 8) + ROWS - 1) / ROWS * ROWS);
  const std::vector<float> zeros(depth);
  parallel_for((tiles.count + size - 1) / size, [&](int64_t task) {
    const int64_t first = task * size, count = std::min(size, tiles.count - first);
    thread_local std::vector<float> inputs, products;  // [ENTRIES][size][depth] and [ENTRIES][size][OUTPUTS]
    inputs.resize(ENTRIES * BLOCK * depth);
    products.resize(ENTRIES * BLOCK * OUTPUTS);
    for (int64_t t = 0; t < count; t++) {
      float* out[ENTRIES];
      for (int e = 0; e < ENTRIES; e++) out[e] = &inputs[(e * BLOCK + t) * depth];
      read_tile(tiles, first + t, x, depth, zeros.data(), out);
    }
    for (int64_t from = 0; from < filter.outputs; from += OUTPUTS) {
      const int64_t panel = from / COLUMNS, end = std::min(panel + OUTPUTS / COLUMNS, filter.panels);
      for (int e = 0; e < ENTRIES; e++)
        for (int64_t p = panel; p < end; p++)
          for (int64_t t = 0; t < count; t += ROWS)
            multiply_block(depth, &inputs[(e * BLOCK + t) * depth], depth, 1, &filter.values[(e * filter.panels + p) * depth * COLUMNS],
                           &products[(e * BLOCK + t) * OUTPUTS + (p - panel) * COLUMNS], OUTPUTS);
      for (int64_t t = 0; t < count; t++) {
        const float* m[ENTRIES];
        for (int e = 0; e < ENTRIES; e++) m[e] = &products[(e * BLOCK + t) * OUTPUTS];
        write_tile(tiles, first + t, m, bias ? bias + from : nullptr, y + from, filter.outputs, std::min(OUTPUTS, filter.outputs - from));
      }
    }
  });
}

/** x [N, H, W, Cin], filter [3, 3, Cin, Cout], bias [Cout] or [0] -> [N, H, W, Cout]. */
void forward(Call& call) {
  const auto x = call.input<float>(0), weights = call.input<float>(1), bias = call.input<float>(2);
  const Filter filter(weights.data, weights.shape[2], weights.shape[3], false);
  auto y = call.output(0, {x.shape[0], x.shape[1], x.shape[2], filter.outputs});
  convolve(x.data, filter, bias.size() > 0 ? bias.data : nullptr, {x.shape[0], x.shape[1], x.shape[2]}, y.data);
}

/** dy [N, H, W, Cout], filter [3, 3, Cin, Cout] -> dx [N, H, W, Cin]. */
void input_gradient(Call& call) {
  const auto dy = call.input<float>(0), weights = call.input<float>(1);
  const Filter filter(weights.data, weights.shape[3], weights.shape[2], true);
  auto dx = call.output(0, {dy.shape[0], dy.shape[1], dy.shape[2], filter.outputs});
  convolve(dy.data, filter, nullptr, {dy.shape[0], dy.shape[1], dy.shape[2]}, dx.data);
}

}  // namespace

void define_conv3x3() {
  define<forward>("FreekdConv3x3", {"x: float", "filter: float", "bias: float"}, {"y: float"});
  define<input_gradient>("FreekdConv3x3InputGradient", {"dy: float", "filter: float"}, {"dx: float"});
}

}  // namespace freekd
