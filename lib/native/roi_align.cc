/**
 * FreekdRoiAlign and its gradient: RoIAlign (He et al., arXiv 1703.06870) over the levels of a
 * pyramid, as mmcv and torchvision compute it. Along either axis a bin is the mean of its samples, a
 * sample lies between two pixels, and outside is 0: so a RoI's bins are a sparse matrix for its
 * rows times the picture times one for its columns.
 */
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "op.h"
#include "parallel.h"
#include "rows.h"

namespace freekd {
namespace {

constexpr int64_t CHANNELS = 64;         // of a task of the gradient
constexpr float FARTHEST = 1 << 20;      // pixel that a RoI may begin at, and side of a map
constexpr float MOST_SAMPLES = 1 << 14;  // of a bin along an axis

/** Where the samples of a bin are. */
struct Sampling {
  float samples;  // along an axis, 0 for as many as the bin has pixels
  bool aligned;   // half a pixel to the upper left; else a RoI has at least a pixel
};

/** One axis of a RoI: of each bin the pixels that it averages. */
struct Axis {
  std::vector<int32_t> start, index;
  std::vector<float> weight;
  int64_t first, last;  // the pixels in use: first .. last - 1

  Rows rows() const { return {static_cast<int64_t>(start.size()) - 1, start.data(), index.data(), weight.data()}; }

  /**
   * @param from, to the RoI in the picture
   * @param scale of the level
   * @param bins how many
   * @param size the level's pixels
   */
  void set(float from, float to, float scale, const Sampling& sampling, int64_t bins, int64_t size) {
    // Rounded as by the peers, so that the number of samples is theirs: no product is fused with a
    // sum.
    const float shift = sampling.aligned ? 0.5f : 0.f;
    const float begin = rounded(from, scale) - shift, end = rounded(to, scale) - shift;
    const float length = sampling.aligned ? end - begin : std::max(end - begin, 1.f);
    const float bin = length / static_cast<float>(bins), grid = sampling.samples > 0 ? sampling.samples : std::ceil(bin);
    if (!(std::abs(begin) <= FARTHEST && std::ceil(bin) <= MOST_SAMPLES))
      throw std::invalid_argument("rois has a side from " + std::to_string(from) + " to " + std::to_string(to) +
                                  ", expected pixels of a picture");
    start.assign(1, 0);
    index.clear();
    weight.clear();
    first = size, last = 0;
    for (int64_t b = 0; b < bins; b++) {
      for (float i = 0; i < grid; i++)
        sample(begin + rounded(static_cast<float>(b), bin) + rounded(i + 0.5f, bin) / grid, grid, size);
      start.push_back(static_cast<int32_t>(index.size()));
    }
  }

 private:
  static float rounded(float a, float b) {
    volatile float product = a * b;
    return product;
  }

  void sample(float at, float grid, int64_t size) {
    if (at < -1 || at > static_cast<float>(size) || size == 0) return;
    const float inside = std::min(std::max(at, 0.f), static_cast<float>(size - 1));
    const auto low = static_cast<int64_t>(inside);
    const float part = inside - static_cast<float>(low);
    add(low, (1 - part) / grid);
    if (part > 0) add(low + 1, part / grid);
  }

  /** Samples come in order: a pixel of this bin that came before is one of the last two. */
  void add(int64_t pixel, float value) {
    first = std::min(first, pixel), last = std::max(last, pixel + 1);
    const auto size = static_cast<int64_t>(index.size());
    for (int64_t k = size - 1; k >= std::max<int64_t>(start.back(), size - 2); k--)
      if (index[k] == pixel) return static_cast<void>(weight[k] += value);
    index.push_back(static_cast<int32_t>(pixel));
    weight.push_back(value);
  }
};

struct Roi {
  int64_t level, image;
  const float* box;  // x1, y1, x2, y2
};

/**
 * The inputs that both operations begin with, checked: rois [R, 5], level [R], scales [L], sampling
 * [2] (see Sampling), then from `first` on the maps of L levels.
 */
struct Inputs {
  std::vector<Roi> rois;
  std::vector<Array<const float>> maps;
  std::vector<float> scales;
  Sampling sampling;
  int64_t images = 0, channels = 0;

  Inputs(Call& call, int first) {
    const auto boxes = call.input<float>(0, "rois", "[R, 5]");
    const auto level = call.input<int32_t>(1, "level", "[R]");
    const auto scale = call.input<float>(2, "scales", "[L]");
    const auto samples = call.input<int32_t>(3, "sampling", "[2]");
    for (int i = first; i < call.inputs(); i++) {
      const std::string name = "x[" + std::to_string(i - first) + "]";
      maps.push_back(call.input<float>(i, name, "[N, H, W, C]"));
      const Shape &shape = maps.back().shape, &other = maps[0].shape;
      if (shape[0] != other[0] || shape[3] != other[3])
        throw std::invalid_argument(name + " is " + text(shape) + ", x[0] is " + text(other) +
                                    ": expected as many images and channels");
      if (std::max(shape[1], shape[2]) > FARTHEST)
        throw std::invalid_argument(name + " is " + text(shape) + ", expected sides up to 2^20");
    }
    images = maps[0].shape[0], channels = maps[0].shape[3];
    if (boxes.shape[1] != 5) throw std::invalid_argument("rois is " + text(boxes.shape) + ", expected [R, 5]");
    const auto levels = static_cast<int64_t>(maps.size());
    if (level.size() != boxes.shape[0])
      throw std::invalid_argument("level is " + text(level.shape) + ", expected one a RoI: " + text({boxes.shape[0]}));
    if (scale.size() != levels)
      throw std::invalid_argument("scales is " + text(scale.shape) + ", expected one a level: " + text({levels}));
    if (samples.size() != 2 || samples.data[0] < 0 || samples.data[0] > MOST_SAMPLES)
      throw std::invalid_argument("sampling, expected two numbers, of samples from 0 to 2^14 and whether aligned");
    sampling = {static_cast<float>(samples.data[0]), samples.data[1] != 0};
    scales.assign(scale.data, scale.data + levels);
    for (int64_t r = 0; r < level.size(); r++) {
      const float* roi = boxes.data + 5 * r;
      const std::string name = "rois[" + std::to_string(r) + "]";
      if (level.data[r] < 0 || level.data[r] >= levels)
        throw std::invalid_argument("level[" + std::to_string(r) + "] is " + std::to_string(level.data[r]) +
                                    ", there are " + std::to_string(levels) + " levels");
      if (!(roi[0] >= 0 && roi[0] < static_cast<float>(images) && roi[0] == std::floor(roi[0])))
        throw std::invalid_argument(name + " is of image " + std::to_string(roi[0]) + ", there are " +
                                    std::to_string(images));
      rois.push_back({level.data[r], static_cast<int64_t>(roi[0]), roi + 1});
    }
  }

  void axes(const Roi& roi, int64_t rows, int64_t columns, Axis& vertical, Axis& horizontal) const {
    const Shape& shape = maps[roi.level].shape;
    vertical.set(roi.box[1], roi.box[3], scales[roi.level], sampling, rows, shape[1]);
    horizontal.set(roi.box[0], roi.box[2], scales[roi.level], sampling, columns, shape[2]);
  }
};

/**
 * rois [R, 5] of image, x1, y1, x2, y2; level [R]; scales [L]; sampling [2]; size [2] of a RoI's
 * bins; x of each level [N, H, W, C] -> y [R, *size, C].
 */
void roi_align(Call& call) {
  const Inputs in(call, 5);
  const auto size = call.input<int32_t>(4, "size", "[2]");
  if (size.size() != 2 || size.data[0] < 1 || size.data[1] < 1)
    throw std::invalid_argument("size, expected two numbers from 1 on");
  const int64_t rows = size.data[0], columns = size.data[1], channels = in.channels;
  const auto y = call.output(0, {static_cast<int64_t>(in.rois.size()), rows, columns, channels});
  if (y.size() == 0) return;
  parallel_for(in.rois.size(), [&](int64_t r) {
    thread_local Axis vertical, horizontal;
    thread_local std::vector<float> across;  // [pixel rows in use, columns, channels]
    const Roi& roi = in.rois[r];
    in.axes(roi, rows, columns, vertical, horizontal);
    const int64_t width = in.maps[roi.level].shape[2], height = in.maps[roi.level].shape[1], line = columns * channels;
    const float* picture = in.maps[roi.level].data + roi.image * height * width * channels;
    across.resize(std::max<int64_t>(vertical.last - vertical.first, 0) * line);
    for (int64_t i = vertical.first; i < vertical.last; i++)
      for (int64_t column = 0; column < columns; column++)
        combine(across.data() + (i - vertical.first) * line + column * channels, horizontal.rows(), column, channels,
                [&](int64_t j) { return picture + (i * width + j) * channels; });
    for (int64_t row = 0; row < rows; row++)
      combine(y.data + (r * rows + row) * line, vertical.rows(), row, line,
              [&](int64_t i) { return across.data() + (i - vertical.first) * line; });
  });
}

/** rois, level, scales, sampling, dy [R, rows, columns, C], x of each level -> dx of each level. */
void roi_align_gradient(Call& call) {
  const Inputs in(call, 5);
  const auto dy = call.input<float>(4, "dy", "[R, h, w, C]");
  const auto count = static_cast<int64_t>(in.rois.size());
  if (dy.shape[0] != count || dy.shape[3] != in.channels)
    throw std::invalid_argument("dy is " + text(dy.shape) + ", expected " + std::to_string(count) + " RoIs of " +
                                std::to_string(in.channels) + " channels");
  const int64_t rows = dy.shape[1], columns = dy.shape[2], channels = in.channels, levels = in.maps.size(),
                blocks = (channels + CHANNELS - 1) / CHANNELS;
  std::vector<float*> dx;
  for (int64_t l = 0; l < levels; l++) {
    const auto map = call.output(static_cast<int>(l), in.maps[l].shape);
    dx.push_back(map.data);
    const int64_t image = map.size() / std::max<int64_t>(in.images, 1);
    if (image > 0)
      parallel_for(in.images, [&](int64_t n) { std::memset(map.data + n * image, 0, image * sizeof(float)); });
  }
  if (dy.size() == 0) return;
  std::vector<std::vector<int64_t>> of(levels * in.images);  // the RoIs of each picture at each level
  for (int64_t r = 0; r < count; r++) of[in.rois[r].level * in.images + in.rois[r].image].push_back(r);
  // A task owns some channels of one picture at one level.
  parallel_for(levels * in.images * blocks, [&](int64_t task) {
    const int64_t picture = task / blocks, level = picture / in.images, from = task % blocks * CHANNELS,
                  c = std::min(CHANNELS, channels - from);
    const int64_t width = in.maps[level].shape[2], height = in.maps[level].shape[1], line = columns * c;
    float* own = dx[level] + picture % in.images * height * width * channels + from;
    thread_local Axis vertical, horizontal;
    thread_local std::vector<float> across;  // [pixel rows in use, columns, c]
    for (const int64_t r : of[picture]) {
      in.axes(in.rois[r], rows, columns, vertical, horizontal);
      across.assign(std::max<int64_t>(vertical.last - vertical.first, 0) * line, 0.f);
      const Rows down = vertical.rows(), along = horizontal.rows();
      for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++) {
          const float* gradient = dy.data + ((r * rows + row) * columns + column) * channels + from;
          for (int64_t k = down.start[row]; k < down.start[row + 1]; k++)
            weighted<1, true>(across.data() + (down.index[k] - vertical.first) * line + column * c, &gradient,
                              down.weight + k, c);
        }
      for (int64_t i = vertical.first; i < vertical.last; i++)
        for (int64_t column = 0; column < columns; column++) {
          const float* gradient = across.data() + (i - vertical.first) * line + column * c;
          for (int64_t k = along.start[column]; k < along.start[column + 1]; k++)
            weighted<1, true>(own + (i * width + along.index[k]) * channels, &gradient, along.weight + k, c);
        }
    }
  });
}

}  // namespace

void define_roi_align() {
  define<roi_align>(
      "FreekdRoiAlign",
      {"rois: float", "level: int32", "scales: float", "sampling: int32", "size: int32", "x: N * float"}, {"y: float"},
      {"N: int >= 1"});
  define<roi_align_gradient>(
      "FreekdRoiAlignGradient",
      {"rois: float", "level: int32", "scales: float", "sampling: int32", "dy: float", "x: N * float"},
      {"dx: N * float"}, {"N: int >= 1"});
}

}  // namespace freekd
