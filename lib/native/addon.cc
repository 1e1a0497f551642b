/**
 * What Node calls when it loads the library: the operations are made known to TensorFlow, once a
 * process (worker threads load it again).
 */
#include <cstdio>
#include <exception>
#include <mutex>

namespace freekd {
void define_wavelet();
void define_band_distance();
void define_winograd();
void define_roi_align();
void define_deformable();
void define_group_norm();
}  // namespace freekd

extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void* /* env */, void* exports) {
  static std::once_flag once;
  std::call_once(once, [] {
    try {
      freekd::define_wavelet();
      freekd::define_band_distance();
      freekd::define_winograd();
      freekd::define_roi_align();
      freekd::define_deformable();
      freekd::define_group_norm();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "operations of lib/native could not be registered: %s\n", error.what());
    }
  });
  return exports;
}
