/** The tiles of 2x2 outputs of a batch of pictures, and the 4x4 inputs that each of them needs. */
#pragma once
#include <algorithm>
#include <cstdint>

#include "gemm.h"
#include "winograd.h"

namespace freekd {

/** The tiles of a batch of pictures, counted through. */
struct Tiles {
  int64_t height, width, down, across, count;
  Tiles(int64_t pictures, int64_t height, int64_t width)
      : height(height), width(width), down((height + 1) / 2), across((width + 1) / 2), count(pictures * down * across) {}
  int64_t picture(int64_t tile) const { return tile / (down * across); }
  int64_t top(int64_t tile) const { return 2 * (tile / across % down); }
  int64_t left(int64_t tile) const { return 2 * (tile % across); }
};

/** Writes B' d B of `tile` to the 16 rows `out`. */
inline void read_tile(const Tiles& tiles, int64_t tile, const float* x, int64_t channels, const float* zeros, float* const out[ENTRIES]) {
  const float* d[ENTRIES];
  const float* picture = x + tiles.picture(tile) * tiles.height * tiles.width * channels;
  for (int e = 0; e < ENTRIES; e++) {
    const int64_t row = tiles.top(tile) - 1 + e / 4, column = tiles.left(tile) - 1 + e % 4;
    const bool inside = row >= 0 && row < tiles.height && column >= 0 && column < tiles.width;
    d[e] = inside ? picture + (row * tiles.width + column) * channels : zeros;
  }
  int64_t c = 0;
  for (; c + LANES <= channels; c += LANES) {
    Lanes own[ENTRIES], turned[ENTRIES];
    for (int e = 0; e < ENTRIES; e++) own[e] = load(d[e] + c);
    transform_input(own, turned);
    for (int e = 0; e < ENTRIES; e++) store(out[e] + c, turned[e]);
  }
  for (; c < channels; c++) {
    float own[ENTRIES], turned[ENTRIES];
    for (int e = 0; e < ENTRIES; e++) own[e] = d[e][c];
    transform_input(own, turned);
    for (int e = 0; e < ENTRIES; e++) out[e][c] = turned[e];
  }
}

}  // namespace freekd
