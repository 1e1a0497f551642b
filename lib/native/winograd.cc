/** FreekdConv, FreekdConvRelu and their gradients: 3x3 convolutions of stride 1 and padding 1 of maps of several sizes with one filter. */
#include <vector>

#include "op.h"
#include "parallel.h"
#include "winograd.h"

namespace freekd {
namespace {

/** Inputs `first` .. `first` + count - 1, each [N, H, W, channels]. */
std::vector<Maps> maps_of(Call& call, int first, int count, int64_t channels) {
  std::vector<Maps> levels;
  for (int i = 0; i < count; i++) {
    const auto x = call.input<float>(first + i);
    if (x.shape.size() != 4 || x.shape[3] != channels) throw std::invalid_argument("FreekdConv: maps [N, H, W, C] whose channels fit the filter were expected");
    levels.push_back({x.data, nullptr, static_cast<int>(x.shape[0]), static_cast<int>(x.shape[1]), static_cast<int>(x.shape[2])});
  }
  return levels;
}

struct Filter {
  const float* data;
  int inputs, outputs;
};

Filter filter_of(Call& call, int input) {
  const auto filter = call.input<float>(input);
  if (filter.shape.size() != 4 || filter.shape[0] != 3 || filter.shape[1] != 3) throw std::invalid_argument("FreekdConv: a filter [3, 3, Cin, Cout] was expected");
  return {filter.data, static_cast<int>(filter.shape[2]), static_cast<int>(filter.shape[3])};
}

void run(Call& call, std::vector<Maps> levels, const Filter& filter, bool turned, const float* bias, bool relu) {
  const int outputs = turned ? filter.inputs : filter.outputs;
  for (size_t i = 0; i < levels.size(); i++) levels[i].result = call.output(static_cast<int>(i), {levels[i].n, levels[i].h, levels[i].w, outputs}).data;
  float* transformed = scratch(2, filter_size(filter.inputs, filter.outputs));
  transform_filter(filter.data, filter.inputs, filter.outputs, turned, transformed);
  convolve(levels, transformed, turned ? filter.outputs : filter.inputs, outputs, bias, relu);
}

/** filter [3, 3, Cin, Cout], bias [Cout] or [0], x [N, H, W, Cin] of each level -> y [N, H, W, Cout] of each level. */
template <bool relu>
void convolution(Call& call) {
  const Filter filter = filter_of(call, 0);
  const auto bias = call.input<float>(1);
  if (bias.size() != 0 && bias.size() != filter.outputs) throw std::invalid_argument("FreekdConv: a bias [Cout] or [0] was expected");
  run(call, maps_of(call, 2, call.inputs() - 2, filter.inputs), filter, false, bias.size() > 0 ? bias.data : nullptr, relu);
}

/** filter, dy of each level -> dx of each level. */
void input_gradient(Call& call) {
  const Filter filter = filter_of(call, 0);
  run(call, maps_of(call, 1, call.inputs() - 1, filter.outputs), filter, true, nullptr, false);
}

/** x of each level, dy of each level -> the filter's gradient, summed over the levels. */
void filter_gradient(Call& call) {
  const int levels = call.inputs() / 2;
  const int64_t inputs = call.input<float>(0).shape.at(3), outputs = call.input<float>(levels).shape.at(3);
  const auto x = maps_of(call, 0, levels, inputs), dy = maps_of(call, levels, levels, outputs);
  for (int i = 0; i < levels; i++)
    if (x[i].n != dy[i].n || x[i].h != dy[i].h || x[i].w != dy[i].w) throw std::invalid_argument("FreekdConvFilterGradient: x and dy of one size were expected");
  filter_gradient(x, dy, static_cast<int>(inputs), static_cast<int>(outputs), call.output(0, {3, 3, inputs, outputs}).data);
}

}  // namespace

void define_winograd() {
  define<convolution<false>>("FreekdConv", {"filter: float", "bias: float", "x: N * float"}, {"y: N * float"}, {"N: int >= 1"});
  define<convolution<true>>("FreekdConvRelu", {"filter: float", "bias: float", "x: N * float"}, {"y: N * float"}, {"N: int >= 1"});
  define<input_gradient>("FreekdConvInputGradient", {"filter: float", "dy: N * float"}, {"dx: N * float"}, {"N: int >= 1"});
  define<filter_gradient>("FreekdConvFilterGradient", {"x: N * float", "dy: N * float"}, {"gradient: float"}, {"N: int >= 1"});
}

}  // namespace freekd
