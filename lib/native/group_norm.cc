/**
 * FreekdGroupNorm and its gradient: group normalization (Wu and He, arXiv 1803.08494) of [N, H, W,
 * C] with an optional ReLU. A task takes some groups of one picture, so few channels that they stay
 * in the cache between its passes: mean, deviation, result.
 */
#include <cmath>
#include <string>
#include <vector>

#include "op.h"
#include "parallel.h"

namespace freekd {
namespace {

constexpr int64_t CHANNELS = 64;  // of a task, or those of one group where they are more

/** Whether y is the result's ReLU. */
enum class Activation { none, relu };

/** Some groups of one picture. */
struct Block {
  int64_t picture, first, channels;  // the first channel, and how many
};

/** Sizes, and how the work is cut into tasks. */
struct Plan {
  int64_t pictures, positions, width, channels, groups, size, block, blocks;

  Plan(const Array<const float>& x, int64_t groups) : groups(groups) {
    pictures = x.shape[0], width = x.shape[2], channels = x.shape[3];
    positions = elements({x.shape[1], width});
    if (groups < 1 || channels % groups != 0)
      throw std::invalid_argument("groups is " + std::to_string(groups) + ", expected a divisor of the " +
                                  std::to_string(channels) + " channels of x " + text(x.shape));
    size = channels / groups;
    block = size == 0 ? 1 : size * std::max<int64_t>(1, CHANNELS / size);
    blocks = (channels + block - 1) / block;
  }

  int64_t offset(const Block& b) const { return b.picture * positions * channels + b.first; }

  template <class Task>
  void run(Task task) const {
    parallel_for(positions == 0 ? 0 : pictures * blocks, [&](int64_t i) {
      const int64_t first = i % blocks * block;
      task(Block{i / blocks, first, std::min(block, channels - first)});
    });
  }

  /** sums[c] += term(index of a value, c) over all positions, added in float32 along a row only. */
  template <class Term>
  void add(const Block& b, double* sums, float* row, Term term) const {
    for (int64_t p = 0; p < positions; p += width) {
      std::fill(row, row + b.channels, 0.0f);
      for (int64_t x = p; x < p + width; x++)
        for (int64_t c = 0; c < b.channels; c++) row[c] += term(offset(b) + x * channels + c, c);
      for (int64_t c = 0; c < b.channels; c++) sums[c] += row[c];
    }
  }

  /** Puts the mean of a group's sums into the place of each of them. */
  void group_means(const Block& b, double* sums) const {
    for (int64_t c = 0; c < b.channels; c += size) {
      double sum = 0;
      for (int64_t i = 0; i < size; i++) sum += sums[c + i];
      std::fill(sums + c, sums + c + size, sum / static_cast<double>(positions * size));
    }
  }
};

void check(const std::string& name, const Shape& shape, const Shape& expected) {
  if (shape != expected) throw std::invalid_argument(name + " is " + text(shape) + ", expected " + text(expected));
}

int64_t groups_of(const Array<const int32_t>& groups) {
  check("groups", groups.shape, {1});
  return groups.data[0];
}

/**
 * x [N, H, W, C], gamma [C], beta [C], groups [1], epsilon [1] -> y [N, H, W, C], mean [N, C] and
 * inverse [N, C], those of a channel's group: one over the deviation.
 */
template <Activation activation>
void group_norm(Call& call) {
  const auto x = call.input<float>(0, "x", "[N, H, W, C]"), gamma = call.input<float>(1, "gamma", "[C]"),
             beta = call.input<float>(2, "beta", "[C]"), epsilon = call.input<float>(4, "epsilon", "[1]");
  const Plan plan(x, groups_of(call.input<int32_t>(3, "groups", "[1]")));
  check("gamma", gamma.shape, {plan.channels});
  check("beta", beta.shape, {plan.channels});
  check("epsilon", epsilon.shape, {1});
  auto y = call.output(0, x.shape), mean = call.output(1, {plan.pictures, plan.channels}),
       inverse = call.output(2, mean.shape);
  if (plan.positions == 0)
    for (float* values : {mean.data, inverse.data}) std::fill(values, values + mean.size(), 0.0f);
  plan.run([&](const Block& b) {
    std::vector<float> row(b.channels), scale(b.channels), shift(b.channels);
    std::vector<double> sums(b.channels);
    float* m = mean.data + b.picture * plan.channels + b.first;
    float* s = inverse.data + b.picture * plan.channels + b.first;
    plan.add(b, sums.data(), row.data(), [&](int64_t i, int64_t) { return x.data[i]; });
    plan.group_means(b, sums.data());
    for (int64_t c = 0; c < b.channels; c++) m[c] = static_cast<float>(sums[c]), sums[c] = 0;
    plan.add(b, sums.data(), row.data(), [&](int64_t i, int64_t c) { return (x.data[i] - m[c]) * (x.data[i] - m[c]); });
    plan.group_means(b, sums.data());
    for (int64_t c = 0; c < b.channels; c++) {
      s[c] = static_cast<float>(1 / std::sqrt(sums[c] + epsilon.data[0]));
      scale[c] = s[c] * gamma.data[b.first + c];
      shift[c] = beta.data[b.first + c] - m[c] * scale[c];
    }
    const float *a = scale.data(), *o = shift.data();
    for (int64_t p = 0; p < plan.positions; p++) {
      const float* in = x.data + plan.offset(b) + p * plan.channels;
      float* out = y.data + plan.offset(b) + p * plan.channels;
      for (int64_t c = 0; c < b.channels; c++) {
        const float z = in[c] * a[c] + o[c];
        out[c] = activation == Activation::relu && z < 0 ? 0 : z;  // NaN stays NaN
      }
    }
  });
}

/**
 * dy and x [N, H, W, C], y the same or, without a ReLU, anything; gamma [C], mean and inverse [N,
 * C], groups [1] -> dx [N, H, W, C], dgamma [C], dbeta [C].
 */
template <Activation activation>
void group_norm_gradient(Call& call) {
  const auto dy = call.input<float>(0, "dy", "[N, H, W, C]"), x = call.input<float>(1, "x", "[N, H, W, C]"),
             y = call.input<float>(2), gamma = call.input<float>(3, "gamma", "[C]"),
             mean = call.input<float>(4, "mean", "[N, C]"), inverse = call.input<float>(5, "inverse", "[N, C]");
  const Plan plan(x, groups_of(call.input<int32_t>(6, "groups", "[1]")));
  check("dy", dy.shape, x.shape);
  if (activation == Activation::relu) check("y", y.shape, x.shape);
  check("gamma", gamma.shape, {plan.channels});
  check("mean", mean.shape, {plan.pictures, plan.channels});
  check("inverse", inverse.shape, {plan.pictures, plan.channels});
  auto dx = call.output(0, x.shape), dgamma = call.output(1, gamma.shape), dbeta = call.output(2, gamma.shape);
  std::vector<double> of_gamma(mean.size()), of_beta(mean.size());  // of each picture
  const auto dz = [&](int64_t i) {
    return activation == Activation::relu ? dy.data[i] * (y.data[i] > 0 ? 1.0f : 0.0f) : dy.data[i];
  };
  plan.run([&](const Block& b) {
    const int64_t at = b.picture * plan.channels + b.first;
    const float *m = mean.data + at, *s = inverse.data + at, *g = gamma.data + b.first;
    std::vector<float> row(b.channels), slope(b.channels), shift(b.channels);
    double *e = of_gamma.data() + at, *d = of_beta.data() + at;
    plan.add(b, d, row.data(), [&](int64_t i, int64_t) { return dz(i); });
    plan.add(b, e, row.data(), [&](int64_t i, int64_t c) { return dz(i) * ((x.data[i] - m[c]) * s[c]); });
    // dx = (gamma dz - u - normalized x times v) / deviation, u and v a group's means of gamma dz and
    // of that times the normalized x.
    std::vector<double> u(b.channels), v(b.channels);
    for (int64_t c = 0; c < b.channels; c++) u[c] = g[c] * d[c], v[c] = g[c] * e[c];
    plan.group_means(b, u.data());
    plan.group_means(b, v.data());
    for (int64_t c = 0; c < b.channels; c++) {
      row[c] = g[c] * s[c];
      slope[c] = static_cast<float>(v[c] * s[c] * s[c]);
      shift[c] = static_cast<float>(v[c] * s[c] * s[c] * m[c] - u[c] * s[c]);
    }
    for (int64_t p = 0; p < plan.positions; p++) {
      const int64_t i = plan.offset(b) + p * plan.channels;
      for (int64_t c = 0; c < b.channels; c++)
        dx.data[i + c] = dz(i + c) * row[c] - x.data[i + c] * slope[c] + shift[c];
    }
  });
  for (int64_t c = 0; c < plan.channels; c++) {
    double ofGamma = 0, ofBeta = 0;
    for (int64_t n = 0; n < plan.pictures; n++)
      ofGamma += of_gamma[n * plan.channels + c], ofBeta += of_beta[n * plan.channels + c];
    dgamma.data[c] = static_cast<float>(ofGamma), dbeta.data[c] = static_cast<float>(ofBeta);
  }
}

}  // namespace

void define_group_norm() {
  const auto inputs = {"x: float", "gamma: float", "beta: float", "groups: int32", "epsilon: float"};
  const auto outputs = {"y: float", "mean: float", "inverse: float"};
  define<group_norm<Activation::none>>("FreekdGroupNorm", inputs, outputs);
  define<group_norm<Activation::relu>>("FreekdGroupNormRelu", inputs, outputs);
  const auto given = {"dy: float", "x: float", "y: float", "gamma: float", "mean: float", "inverse: float",
                      "groups: int32"};
  const auto gradients = {"dx: float", "dgamma: float", "dbeta: float"};
  define<group_norm_gradient<Activation::none>>("FreekdGroupNormGradient", given, gradients);
  define<group_norm_gradient<Activation::relu>>("FreekdGroupNormReluGradient", given, gradients);
}

}  // namespace freekd
