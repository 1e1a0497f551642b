/**
 * FreekdDeformableColumns and its gradient: what a deformable convolution (Dai et al., arXiv
 * 1703.06211) multiplies with its filter. Each tap of the window at each output position reads the
 * picture at its place in the grid plus an offset, bilinearly between four pixels; what lies
 * outside counts 0.
 */
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "op.h"
#include "panels.h"
#include "parallel.h"
#include "rows.h"

namespace freekd {
namespace {

constexpr int64_t CHANNELS = 64;  // of a task of the gradient by the picture

/**
 * What both operations begin with, checked: x [N, H, W, C], offset [N, h, w, D K 2] of y, x a tap
 * and deformable group, window [7].
 */
struct Geometry {
  Array<const float> x, offset;
  int64_t kh, kw, stride, padding, dilation, groups, deformable;
  int64_t images, height, width, channels, h, w;

  Geometry(Call& call)
      : x(call.input<float>(0, "x", "[N, H, W, C]")), offset(call.input<float>(1, "offset", "[N, h, w, 2 K D]")) {
    const auto window = call.input<int32_t>(2, "window", "[7]");
    if (window.size() != 7)
      throw std::invalid_argument(
          "window is " + text(window.shape) +
          ", expected [7]: kernel height and width, stride, padding, dilation, groups, deformable groups");
    int64_t* const fields[7] = {&kh, &kw, &stride, &padding, &dilation, &groups, &deformable};
    for (int i = 0; i < 7; i++) {
      *fields[i] = window.data[i];
      if (*fields[i] < (i == 3 ? 0 : 1))
        throw std::invalid_argument("window[" + std::to_string(i) + "] is " + std::to_string(*fields[i]) +
                                    ", expected " + (i == 3 ? "0 or more" : "1 or more"));
    }
    images = x.shape[0], height = x.shape[1], width = x.shape[2], channels = x.shape[3];
    if (channels % groups != 0 || channels % deformable != 0)
      throw std::invalid_argument("x is " + text(x.shape) + ", its channels are no multiple of " +
                                  std::to_string(groups) + " groups and " + std::to_string(deformable) +
                                  " deformable groups");
    h = positions(height, kh), w = positions(width, kw);
    const Shape expected{images, h, w, elements({2, kh, kw, deformable})};
    if (offset.shape != expected)
      throw std::invalid_argument("offset is " + text(offset.shape) + ", expected " + text(expected));
  }

  int64_t taps() const { return kh * kw; }
  /** [groups, positions of all images, taps times channels of a group] */
  Shape columns() const { return {groups, elements({images, h, w}), elements({kh, kw, channels / groups})}; }

 private:
  int64_t positions(int64_t size, int64_t kernel) const {
    const int64_t room = size + 2 * padding - (dilation * (kernel - 1) + 1);
    if (room < 0) throw std::invalid_argument("x is " + text(x.shape) + ", smaller with its padding than the window");
    return room / stride + 1;
  }
};

/**
 * Where a tap reads: up to four pixels (their first channel's place in the picture) with weights
 * and the weights' derivatives.
 */
struct Sample {
  int count = 0;
  bool nan = false;
  int64_t at[4];
  float weight[4], by_y[4], by_x[4];

  Sample(const Geometry& g, int64_t position, int64_t tap, int64_t part) {
    const int64_t row = position / g.w % g.h, column = position % g.w;
    const float* offset = g.offset.data + ((position * g.deformable + part) * g.taps() + tap) * 2;
    const float y = static_cast<float>(row * g.stride - g.padding + tap / g.kw * g.dilation) + offset[0];
    const float x = static_cast<float>(column * g.stride - g.padding + tap % g.kw * g.dilation) + offset[1];
    nan = std::isnan(y) || std::isnan(x);
    if (!(y > -1 && y < static_cast<float>(g.height) && x > -1 && x < static_cast<float>(g.width))) return;
    const float top = std::floor(y), left = std::floor(x), low = y - top, right = x - left;
    for (int corner = 0; corner < 4; corner++) {
      const bool below = corner / 2, beside = corner % 2;
      const int64_t i = static_cast<int64_t>(top) + below, j = static_cast<int64_t>(left) + beside;
      if (i < 0 || i >= g.height || j < 0 || j >= g.width) continue;
      const float vertical = below ? low : 1 - low, horizontal = beside ? right : 1 - right;
      at[count] = (i * g.width + j) * g.channels;
      weight[count] = vertical * horizontal;
      by_y[count] = below ? horizontal : -horizontal;
      by_x[count] = beside ? vertical : -vertical;
      count++;
    }
  }
};

/**
 * Calls `f(c, n, place)` for the channels c .. c + n - 1 of from .. to - 1 that lie together at
 * `place` of the columns.
 */
template <class F>
inline void for_columns(const Geometry& g, int64_t position, int64_t tap, int64_t from, int64_t to, F f) {
  const int64_t own = g.channels / g.groups, all = g.images * g.h * g.w;
  for (int64_t c = from; c < to;) {
    const int64_t group = c / own, n = std::min(to, (group + 1) * own) - c;
    f(c, n, ((group * all + position) * g.taps() + tap) * own + c % own);
    c += n;
  }
}

/** Sum of a * b. */
inline float dot(const float* a, const float* b, int64_t n) {
  Vector sum = {};
  int64_t i = 0;
  for (; i + WIDTH <= n; i += WIDTH) sum += load(a + i, WIDTH) * load(b + i, WIDTH);
  sum += load(a + i, static_cast<int>(n - i)) * load(b + i, static_cast<int>(n - i));
  float total = 0;
  for (int lane = 0; lane < WIDTH; lane++) total += sum[lane];
  return total;
}

/**
 * x, offset, window -> columns [groups, N h w, K C / groups], a group's taps one after the other.
 */
void columns(Call& call) {
  const Geometry g(call);
  const auto result = call.output(0, g.columns());
  if (result.size() == 0) return;
  const int64_t own = g.channels / g.deformable;
  parallel_for(g.images * g.h * g.w, [&](int64_t position) {
    const float* picture = g.x.data + position / (g.h * g.w) * g.height * g.width * g.channels;
    for (int64_t part = 0; part < g.deformable; part++)
      for (int64_t tap = 0; tap < g.taps(); tap++) {
        const Sample sample(g, position, tap, part);
        for_columns(g, position, tap, part * own, (part + 1) * own, [&](int64_t c, int64_t n, int64_t place) {
          float* out = result.data + place;
          const float* in[4];
          for (int k = 0; k < sample.count; k++) in[k] = picture + sample.at[k] + c;
          if (sample.count > 0) weighted<false>(out, in, sample.weight, n, sample.count);
          else std::fill(out, out + n, sample.nan ? std::numeric_limits<float>::quiet_NaN() : 0.f);
        });
      }
  });
}

/** x, offset, window, the gradient of the columns -> dx, the gradient of the offsets. */
void columns_gradient(Call& call) {
  const Geometry g(call);
  const auto gradient = call.input<float>(3, "gradient", "[groups, N h w, K C / groups]");
  if (gradient.shape != g.columns())
    throw std::invalid_argument("gradient is " + text(gradient.shape) + ", expected " + text(g.columns()));
  const auto dx = call.output(0, g.x.shape), doffset = call.output(1, g.offset.shape);
  const int64_t own = g.channels / g.deformable, positions = g.h * g.w, image = g.height * g.width * g.channels;
  parallel_for(g.images * positions, [&](int64_t position) {
    const float* picture = g.x.data + position / positions * image;
    for (int64_t part = 0; part < g.deformable; part++)
      for (int64_t tap = 0; tap < g.taps(); tap++) {
        const Sample sample(g, position, tap, part);
        float y = sample.nan ? std::numeric_limits<float>::quiet_NaN() : 0, x = y;
        for_columns(g, position, tap, part * own, (part + 1) * own, [&](int64_t c, int64_t n, int64_t place) {
          for (int k = 0; k < sample.count; k++) {
            const float product = dot(picture + sample.at[k] + c, gradient.data + place, n);
            y += sample.by_y[k] * product, x += sample.by_x[k] * product;
          }
        });
        float* out = doffset.data + ((position * g.deformable + part) * g.taps() + tap) * 2;
        out[0] = y, out[1] = x;
      }
  });
  if (dx.size() == 0) return;
  parallel_for(g.images, [&](int64_t n) { std::memset(dx.data + n * image, 0, image * sizeof(float)); });
  // Positions may read the same pixel: a task owns some channels of one picture.
  const int64_t blocks = (g.channels + CHANNELS - 1) / CHANNELS;
  parallel_for(g.images * blocks, [&](int64_t task) {
    const int64_t n = task / blocks, from = task % blocks * CHANNELS, to = std::min(g.channels, from + CHANNELS);
    float* picture = dx.data + n * image;
    for (int64_t position = n * positions; position < (n + 1) * positions; position++)
      for (int64_t part = from / own; part * own < to; part++)
        for (int64_t tap = 0; tap < g.taps(); tap++) {
          const Sample sample(g, position, tap, part);
          for_columns(g, position, tap, std::max(from, part * own), std::min(to, (part + 1) * own),
                      [&](int64_t c, int64_t count, int64_t place) {
                        const float* in = gradient.data + place;
                        for (int k = 0; k < sample.count; k++)
                          weighted<1, true>(picture + sample.at[k] + c, &in, sample.weight + k, count);
                      });
        }
  });
}

}  // namespace

void define_deformable() {
  define<columns>("FreekdDeformableColumns", {"x: float", "offset: float", "window: int32"}, {"columns: float"});
  define<columns_gradient>("FreekdDeformableColumnsGradient",
                           {"x: float", "offset: float", "window: int32", "gradient: float"},
                           {"dx: float", "doffset: float"});
}

}  // namespace freekd
