// 3x3 convolution of stride 1 and padding 1 by Winograd's minimal filtering (Lavin and Gray, arXiv
// 1509.09308), F(4x4, 3x3).
//
// A tile of 4x4 outputs of one channel needs 6x6 inputs d and the 3x3 filter g: y = A^T [(G g G^T)
// . (B^T d B)] A. Summed over input channels, each of the 36 places of the product is a matrix
// product [tiles, Cin] x [Cin, Cout]: a quarter of the multiplications of the direct sum. The
// gradient by the input is the same convolution with the filter turned; the gradient by the filter
// is G^T [sum over tiles (B^T d B) . (A dy A^T)] G.
//
// Scratch is blocked by channel, [36][C / LANES][tiles][LANES], with zeros up to a multiple of
// LANES: rows of a micro-kernel are then neighbours in memory, whether they are tiles (forward) or
// channels (filter gradient).
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "panels.h"
#include "parallel.h"

namespace freekd {

constexpr int OUT = 4, IN = OUT + 2, PLACES = IN * IN;
constexpr float BT[IN][IN] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                              {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
constexpr float G[IN][3] = {{1.f / 4, 0, 0},
                            {-1.f / 6, -1.f / 6, -1.f / 6},
                            {-1.f / 6, 1.f / 6, -1.f / 6},
                            {1.f / 24, 1.f / 12, 1.f / 6},
                            {1.f / 24, -1.f / 12, 1.f / 6},
                            {0, 0, 1}};
constexpr float AT[OUT][IN] = {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};

struct InputTransform {
  static constexpr int from = IN, to = IN;
  static constexpr float at(int i, int j) { return BT[i][j]; }
};
struct FilterTransform {
  static constexpr int from = 3, to = IN;
  static constexpr float at(int i, int j) { return G[i][j]; }
};
struct OutputTransform {
  static constexpr int from = IN, to = OUT;
  static constexpr float at(int i, int j) { return AT[i][j]; }
};
template <class T>
struct Transposed {
  static constexpr int from = T::to, to = T::from;
  static constexpr float at(int i, int j) { return T::at(j, i); }
};

/** to[to x to] = T from[from x from] T^T, on vectors of channels. */
template <class T>
inline void transform(const Vector* from, Vector* to) {
  Vector half[T::to * T::from];
#pragma GCC unroll 6
  for (int i = 0; i < T::to; i++)
#pragma GCC unroll 6
    for (int c = 0; c < T::from; c++) {
      Vector sum = {};
      bool first = true;
#pragma GCC unroll 6
      for (int j = 0; j < T::from; j++) {
        if (T::at(i, j) == 0) continue;
        sum = first ? T::at(i, j) * from[j * T::from + c] : sum + T::at(i, j) * from[j * T::from + c];
        first = false;
      }
      half[i * T::from + c] = sum;
    }
#pragma GCC unroll 6
  for (int r = 0; r < T::to; r++)
#pragma GCC unroll 6
    for (int i = 0; i < T::to; i++) {
      Vector sum = {};
      bool first = true;
#pragma GCC unroll 6
      for (int j = 0; j < T::from; j++) {
        if (T::at(i, j) == 0) continue;
        sum = first ? T::at(i, j) * half[r * T::from + j] : sum + T::at(i, j) * half[r * T::from + j];
        first = false;
      }
      to[r * T::to + i] = sum;
    }
}

/** A batch of maps [n, h, w, C]: one pyramid level. */
struct Maps {
  const float* data;
  float* result;
  int n, h, w;
};

/** Where a tile lies. */
struct Tile {
  const Maps* maps;
  int image, y, x;
};

/** The tiles of all levels, one after the other. */
inline std::vector<Tile> tiles_of(const std::vector<Maps>& levels) {
  std::vector<Tile> tiles;
  for (const Maps& maps : levels)
    for (int image = 0; image < maps.n; image++)
      for (int y = 0; y < maps.h; y += OUT)
        for (int x = 0; x < maps.w; x += OUT) tiles.push_back({&maps, image, y, x});
  return tiles;
}

/**
 * Reads SIZE x SIZE pixels from `offset` left of and above tile t (zeros outside), transforms them,
 * and stores them in [36][C / LANES][tiles][LANES].
 */
template <class T>
void scatter(const Tile* tiles, int64_t t, int count, int channels, int offset, float* scratch) {
  constexpr int SIZE = T::from;
  const size_t place = static_cast<size_t>(blocks(channels)) * count * LANES;
  const auto [maps, image, y0, x0] = tiles[t];
  for (int c = 0; c < blocks(channels) * LANES; c += WIDTH) {
    Vector d[SIZE * SIZE], v[PLACES];
    for (int i = 0; i < SIZE; i++)
      for (int j = 0; j < SIZE; j++) {
        const int y = y0 + i - offset, x = x0 + j - offset;
        const bool inside = y >= 0 && y < maps->h && x >= 0 && x < maps->w;
        d[i * SIZE + j] =
            inside ? load(maps->data + ((static_cast<size_t>(image) * maps->h + y) * maps->w + x) * channels + c,
                          channels - c)
                   : Vector{};
      }
    transform<T>(d, v);
    float* to = scratch + (static_cast<size_t>(c / LANES) * count + t) * LANES + c % LANES;
    for (int p = 0; p < PLACES; p++) store(to + p * place, v[p], WIDTH);
  }
}

/**
 * Transforms tile t of [36][C / LANES][tiles][LANES] back to 4x4 outputs, adds the bias if there is
 * one, and applies a ReLU if asked to.
 */
inline void gather(const float* scratch, const Tile* tiles, int64_t t, int count, int channels, const float* bias,
                   bool relu) {
  const size_t place = static_cast<size_t>(blocks(channels)) * count * LANES;
  const auto [maps, image, y0, x0] = tiles[t];
  for (int c = 0; c < channels; c += WIDTH) {
    Vector m[PLACES], y[OUT * OUT];
    const float* from = scratch + (static_cast<size_t>(c / LANES) * count + t) * LANES + c % LANES;
    for (int p = 0; p < PLACES; p++) m[p] = load(from + p * place, WIDTH);
    transform<OutputTransform>(m, y);
    const Vector shift = bias ? load(bias + c, channels - c) : Vector{};
    for (int i = 0; i < std::min(OUT, maps->h - y0); i++)
      for (int j = 0; j < std::min(OUT, maps->w - x0); j++) {
        Vector value = y[i * OUT + j] + shift;
        if (relu) value = value <= 0.f ? Vector{} : value;  // NaN stays NaN
        store(maps->result + ((static_cast<size_t>(image) * maps->h + y0 + i) * maps->w + x0 + j) * channels + c, value,
              channels - c);
      }
  }
}

inline size_t filter_size(int inputs, int outputs) {
  return static_cast<size_t>(PLACES) * blocks(outputs) * blocks(inputs) * LANES * LANES;
}

/**
 * w [3][3][inputs][outputs] -> [36][outputs / LANES][inputs, zeros up to a multiple of
 * LANES][LANES]; `turned`: the filter of the input gradient, rotated by half a turn and with inputs
 * and outputs exchanged.
 */
inline void transform_filter(const float* w, int inputs, int outputs, bool turned, float* u) {
  const int rows = blocks(turned ? outputs : inputs), columns = blocks(turned ? inputs : outputs);
  const size_t place = static_cast<size_t>(columns) * rows * LANES * LANES;
  parallel_for(rows * columns, [&](int64_t item) {
    float block[9 * LANES * LANES];  // [9][LANES][LANES]
    const int row = item % rows, column = item / rows;
    const int first_input = (turned ? column : row) * LANES, first_output = (turned ? row : column) * LANES;
    for (int tap = 0; tap < 9; tap++)
      for (int i = 0; i < LANES; i++)
        for (int o = 0; o < LANES; o++) {
          const bool inside = first_input + i < inputs && first_output + o < outputs;
          const float value =
              inside ? w[(static_cast<size_t>(tap) * inputs + first_input + i) * outputs + first_output + o] : 0;
          if (turned) block[((8 - tap) * LANES + o) * LANES + i] = value;
          else block[(tap * LANES + i) * LANES + o] = value;
        }
    float* to = u + (static_cast<size_t>(column) * rows + row) * LANES * LANES;
    for (int at = 0; at < LANES * LANES; at += WIDTH) {
      Vector g[9], v[PLACES];
      for (int tap = 0; tap < 9; tap++) g[tap] = load(&block[tap * LANES * LANES + at], WIDTH);
      transform<FilterTransform>(g, v);
      for (int p = 0; p < PLACES; p++) store(to + p * place + at, v[p], WIDTH);
    }
  });
}

/**
 * Scratch that stays allocated: fresh memory costs more than the arithmetic on it. One convolution
 * runs at a time in a thread.
 */
inline float* scratch(int which, size_t size) {
  static thread_local std::vector<float> buffers[3];
  if (buffers[which].size() < size) buffers[which].resize(size);
  return buffers[which].data();
}

constexpr size_t SCRATCH = 8 << 20;  // bytes

/** Tiles that are worked on together: their scratch fits a shared cache. */
inline int tiles_together(int inputs, int outputs, size_t tiles) {
  const size_t bytes = sizeof(float) * PLACES * LANES * (blocks(inputs) + blocks(outputs));
  const size_t most = std::max<size_t>(SCRATCH / bytes / ROWS * ROWS, ROWS);
  const size_t parts = (tiles + most - 1) / most;
  return static_cast<int>((tiles + parts - 1) / parts);
}

/** The convolution of maps without channels: the bias, or zeros. */
inline void fill(float* y, int64_t size, const float* bias, int outputs, bool relu) {
  for (int64_t i = 0; i < size; i++) y[i] = bias && !(relu && bias[i % outputs] <= 0) ? bias[i % outputs] : 0;
}

/** Convolves every level with the transformed filter u. */
inline void convolve(const std::vector<Maps>& levels, const float* u, int inputs, int outputs, const float* bias,
                     bool relu) {
  const std::vector<Tile> tiles = tiles_of(levels);
  const int together = tiles_together(inputs, outputs, tiles.size());
  const int depth = blocks(inputs) * LANES, columns = blocks(outputs);
  float* v = scratch(0, static_cast<size_t>(PLACES) * together * depth);
  float* m = scratch(1, static_cast<size_t>(PLACES) * together * columns * LANES);
  for (size_t first = 0; first < tiles.size(); first += together) {
    const int count = static_cast<int>(std::min<size_t>(together, tiles.size() - first));
    const Tile* part = &tiles[first];
    parallel_for(count, [&](int64_t t) { scatter<InputTransform>(part, t, count, inputs, 1, v); });
    parallel_for(int64_t{PLACES} * columns, [&](int64_t item) {
      const float* a = v + static_cast<size_t>(item / columns) * count * depth;
      const float* b = u + static_cast<size_t>(item) * depth * LANES;
      float* c = m + static_cast<size_t>(item) * count * LANES;
      for (int k = 0; k < depth; k += DEPTH)
        panel<true>(a + static_cast<size_t>(k) * count, count, static_cast<size_t>(count) * LANES, b + k * LANES,
                    std::min(DEPTH, depth - k), c, k > 0);
    });
    parallel_for(count, [&](int64_t t) { gather(m, part, t, count, outputs, bias, relu); });
  }
}

/**
 * The gradient by the filter, dw [3][3][inputs][outputs], from the inputs and the outputs'
 * gradients of every level.
 */
inline void filter_gradient(const std::vector<Maps>& input_levels, const std::vector<Maps>& gradient_levels, int inputs,
                            int outputs, float* dw) {
  const std::vector<Tile> tiles = tiles_of(input_levels), gradients = tiles_of(gradient_levels);
  if (tiles.empty()) return static_cast<void>(std::fill_n(dw, static_cast<size_t>(9) * inputs * outputs, 0.f));
  const int together = tiles_together(inputs, outputs, tiles.size());
  const int rows = blocks(inputs), columns = blocks(outputs);
  float* v = scratch(0, static_cast<size_t>(PLACES) * together * rows * LANES);
  float* m = scratch(1, static_cast<size_t>(PLACES) * together * columns * LANES);
  float* du = scratch(2, filter_size(inputs, outputs));  // [36][outputs / LANES][inputs][LANES]
  for (size_t first = 0; first < tiles.size(); first += together) {
    const int count = static_cast<int>(std::min<size_t>(together, tiles.size() - first));
    parallel_for(count, [&](int64_t t) {
      scatter<InputTransform>(&tiles[first], t, count, inputs, 1, v);
      scatter<Transposed<OutputTransform>>(&gradients[first], t, count, outputs, 0, m);
    });
    parallel_for(int64_t{PLACES} * columns, [&](int64_t item) {
      for (int row = 0; row < rows; row++) {
        const float* a = v + (static_cast<size_t>(item / columns) * rows + row) * count * LANES;
        const float* b = m + static_cast<size_t>(item) * count * LANES;
        float* c = du + (static_cast<size_t>(item) * rows + row) * LANES * LANES;
        for (int k = 0; k < count; k += DEPTH)
          panel<false>(a + k * LANES, LANES, LANES * LANES, b + k * LANES, std::min(DEPTH, count - k), c,
                       first > 0 || k > 0);
      }
    });
  }
  const size_t place = static_cast<size_t>(columns) * rows * LANES * LANES;
  parallel_for(inputs, [&](int64_t i) {
    for (int o = 0; o < outputs; o += WIDTH) {
      Vector u[PLACES], g[9];
      const float* from = du + (static_cast<size_t>(o / LANES) * rows * LANES + i) * LANES + o % LANES;
      for (int p = 0; p < PLACES; p++) u[p] = load(from + p * place, WIDTH);
      transform<Transposed<FilterTransform>>(u, g);
      for (int tap = 0; tap < 9; tap++)
        store(dw + (static_cast<size_t>(tap) * inputs + i) * outputs + o, g[tap], outputs - o);
    }
  });
}

}  // namespace freekd
