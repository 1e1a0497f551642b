// What Node loads as TensorFlow's binding: loads TensorFlow without its chatter, then hands over to
// the binding itself.
//
// TensorFlow logs by Abseil, which reads no environment: TF_CPP_MIN_LOG_LEVEL holds from the first
// operation on, but on processors with AVX512 VNNI the library already logs while it is being loaded
// ("oneDNN custom operations are on"), into the user's terminal and notebooks. So this file is linked
// with nothing, keeps standard error aside for the moment of loading, and prints what else came.

#include <dlfcn.h>
#include <node_api.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

// The binding lies beside this file under this name.
static const char kBinding[] = "tfjs_binding_tensorflow.node";

static std::string Folder() {
  Dl_info self;
  if (dladdr(reinterpret_cast<const void*>(&Folder), &self) == 0) return "";
  const std::string file = self.dli_fname;
  return file.substr(0, file.rfind('/') + 1);
}

// Whether Abseil marked the line as information, or as its own remark about where it is written.
static bool IsChatter(const char* line) {
  return std::strncmp(line, "I0000 ", 6) == 0 || std::strncmp(line, "WARNING: All log messages before absl", 37) == 0;
}

static void* LoadQuietly(const std::string& file) {
  std::FILE* aside = std::tmpfile();
  const int error = aside == nullptr ? -1 : dup(STDERR_FILENO);
  if (error < 0) return dlopen(file.c_str(), RTLD_LAZY);
  std::fflush(stderr);
  dup2(fileno(aside), STDERR_FILENO);
  void* library = dlopen(file.c_str(), RTLD_LAZY);
  std::fflush(stderr);
  dup2(error, STDERR_FILENO);
  close(error);
  std::rewind(aside);
  for (char line[4096]; std::fgets(line, sizeof line, aside) != nullptr;)
    if (!IsChatter(line)) std::fputs(line, stderr);
  std::fclose(aside);
  return library;
}

NAPI_MODULE_INIT() {
  const char* level = std::getenv("TF_CPP_MIN_LOG_LEVEL");
  const std::string file = Folder() + kBinding;
  const bool quiet = level != nullptr && std::atoi(level) > 0;
  void* binding = quiet ? LoadQuietly(file) : dlopen(file.c_str(), RTLD_LAZY);
  void* start = binding == nullptr ? nullptr : dlsym(binding, "napi_register_module_v1");
  if (start == nullptr) {
    napi_throw_error(env, nullptr, dlerror());
    return nullptr;
  }
  return reinterpret_cast<napi_addon_register_func>(start)(env, exports);
}
