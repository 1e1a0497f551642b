/**
 * FreekdConv, FreekdConvRelu and their gradients: 3x3 convolutions of stride 1 and padding 1 of
 * maps of several sizes with one filter.
 */
#include <string>
#include <vector>

#include "op.h"
#include "parallel.h"
#include "winograd.h"

namespace freekd {
namespace {

constexpr int64_t MOST = int64_t{1} << 30;  // of a size: positions and their tiles then fit an int

/** Inputs `first` .. `first` + count - 1, each [N, H, W, channels]. */
std::vector<Maps> maps_of(Call& call, int first, int count, const std::string& name, int64_t channels) {
  std::vector<Maps> levels;
  for (int i = 0; i < count; i++) {
    const std::string own = name + "[" + std::to_string(i) + "]";
    const auto x = call.input<float>(first + i, own, "[N, H, W, C]");
    if (x.shape[3] != channels)
      throw std::invalid_argument(own + " is " + text(x.shape) + ", expected " + std::to_string(channels) +
                                  " channels");
    for (int64_t size : x.shape)
      if (size > MOST) throw std::invalid_argument(own + " is " + text(x.shape) + ", expected sizes up to 2^30");
    levels.push_back(
        {x.data, nullptr, static_cast<int>(x.shape[0]), static_cast<int>(x.shape[1]), static_cast<int>(x.shape[2])});
  }
  return levels;
}

struct Filter {
  const float* data;
  int inputs, outputs;
};

Filter filter_of(Call& call, int input) {
  const auto filter = call.input<float>(input, "filter", "[3, 3, Cin, Cout]");
  if (filter.shape[0] != 3 || filter.shape[1] != 3 || filter.shape[2] > MOST || filter.shape[3] > MOST)
    throw std::invalid_argument("filter is " + text(filter.shape) +
                                ", expected [3, 3, Cin, Cout] of up to 2^30 channels");
  return {filter.data, static_cast<int>(filter.shape[2]), static_cast<int>(filter.shape[3])};
}

/** Convolves maps that may be empty: a sum over no channels is 0. */
void run(Call& call, const std::vector<Maps>& given, const Filter& filter, bool turned, const float* bias, bool relu) {
  const int inputs = turned ? filter.outputs : filter.inputs, outputs = turned ? filter.inputs : filter.outputs;
  std::vector<Maps> levels;
  for (size_t i = 0; i < given.size(); i++) {
    Maps maps = given[i];
    const auto result = call.output(static_cast<int>(i), {maps.n, maps.h, maps.w, outputs});
    maps.result = result.data;
    if (result.size() == 0) continue;
    if (inputs > 0) levels.push_back(maps);
    else fill(result.data, result.size(), bias, outputs, relu);
  }
  if (levels.empty()) return;
  float* transformed = scratch(2, filter_size(filter.inputs, filter.outputs));
  transform_filter(filter.data, filter.inputs, filter.outputs, turned, transformed);
  convolve(levels, transformed, inputs, outputs, bias, relu);
}

/**
 * filter [3, 3, Cin, Cout], bias [Cout] or [0], x [N, H, W, Cin] of each level -> y [N, H, W, Cout]
 * of each level.
 */
template <bool relu>
void convolution(Call& call) {
  const Filter filter = filter_of(call, 0);
  const auto bias = call.input<float>(1, "bias", "[Cout]");
  if (bias.size() != 0 && bias.size() != filter.outputs)
    throw std::invalid_argument("bias is " + text(bias.shape) +
                                ", expected [0] or one an output channel: " + text({filter.outputs}));
  run(call, maps_of(call, 2, call.inputs() - 2, "x", filter.inputs), filter, false,
      bias.size() > 0 ? bias.data : nullptr, relu);
}

/** filter, dy of each level -> dx of each level. */
void input_gradient(Call& call) {
  const Filter filter = filter_of(call, 0);
  run(call, maps_of(call, 1, call.inputs() - 1, "dy", filter.outputs), filter, true, nullptr, false);
}

/**
 * x of each level, dy of each level -> the filter's gradient, summed over the levels; zeros where
 * they have no position.
 */
void filter_gradient(Call& call) {
  const int levels = call.inputs() / 2;
  const int64_t inputs = call.input<float>(0, "x[0]", "[N, H, W, Cin]").shape[3];
  const int64_t outputs = call.input<float>(levels, "dy[0]", "[N, H, W, Cout]").shape[3];
  const auto x = maps_of(call, 0, levels, "x", inputs), dy = maps_of(call, levels, levels, "dy", outputs);
  for (int i = 0; i < levels; i++)
    if (x[i].n != dy[i].n || x[i].h != dy[i].h || x[i].w != dy[i].w) {
      const Shape sizes{x[i].n, x[i].h, x[i].w}, others{dy[i].n, dy[i].h, dy[i].w};
      throw std::invalid_argument("x[" + std::to_string(i) + "] is " + text(sizes) + " without its channels, dy[" +
                                  std::to_string(i) + "] is " + text(others) + ": expected one size");
    }
  const auto gradient = call.output(0, {3, 3, inputs, outputs});
  if (gradient.size() > 0) filter_gradient(x, dy, static_cast<int>(inputs), static_cast<int>(outputs), gradient.data);
}

}  // namespace

void define_winograd() {
  define<convolution<false>>("FreekdConv", {"filter: float", "bias: float", "x: N * float"}, {"y: N * float"},
                             {"N: int >= 1"});
  define<convolution<true>>("FreekdConvRelu", {"filter: float", "bias: float", "x: N * float"}, {"y: N * float"},
                            {"N: int >= 1"});
  define<input_gradient>("FreekdConvInputGradient", {"filter: float", "dy: N * float"}, {"dx: N * float"},
                         {"N: int >= 1"});
  define<filter_gradient>("FreekdConvFilterGradient", {"x: N * float", "dy: N * float"}, {"gradient: float"},
                          {"N: int >= 1"});
}

}  // namespace freekd
