/**
 * Operations for TensorFlow, by its C API: `define` registers an op with a kernel for the CPU; the
 * kernel meets its tensors as a `Call`. TensorFlow checks the number and the types of the inputs; a
 * kernel checks all else before it touches memory, and what it throws becomes TensorFlow's status.
 */
#pragma once
#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"

namespace freekd {

using Shape = std::vector<int64_t>;

/** "[2, 3]" */
inline std::string text(const Shape& shape) {
  std::string list;
  for (int64_t n : shape) list += (list.empty() ? "" : ", ") + std::to_string(n);
  return "[" + list + "]";
}

/**
 * The number of elements; throws where a size is negative or, as TensorFlow counts from the left,
 * the product overflows.
 */
inline int64_t elements(const Shape& shape) {
  int64_t product = 1, bytes = 0;
  for (int64_t n : shape)
    if (n < 0 || __builtin_mul_overflow(product, n, &product) || __builtin_mul_overflow(product, sizeof(float), &bytes))
      throw std::invalid_argument("a tensor " + text(shape) + " is no size that memory can hold");
  return product;
}

/** A tensor's shape and values. */
template <class T>
struct Array {
  Shape shape;
  T* data;

  int64_t size() const { return elements(shape); }
};

class Status {
 public:
  Status() : status_(TF_NewStatus()) {}
  ~Status() { TF_DeleteStatus(status_); }
  Status(const Status&) = delete;
  TF_Status* get() const { return status_; }
  void check() const {
    if (TF_GetCode(status_) != TF_OK) throw std::runtime_error(TF_Message(status_));
  }

 private:
  TF_Status* status_;
};

/** One execution of a kernel: its inputs and outputs, alive as long as the call. */
class Call {
 public:
  explicit Call(TF_OpKernelContext* context) : context_(context) {}
  ~Call() {
    for (TF_Tensor* tensor : tensors_) TF_DeleteTensor(tensor);
  }
  Call(const Call&) = delete;

  /** The number of inputs, each of a list counting. */
  int inputs() const { return TF_NumInputs(context_); }

  /**
   * Throws unless the input has as many dimensions as `layout` names.
   * @param name for the message @param layout as "[N, H, W, C]"
   */
  template <class T>
  Array<const T> input(int index, const std::string& name, const std::string& layout) {
    const auto array = input<T>(index);
    const auto rank = static_cast<size_t>(std::count(layout.begin(), layout.end(), ',') + 1);
    if (array.shape.size() != rank)
      throw std::invalid_argument(name + " is " + text(array.shape) + ", expected " + layout);
    return array;
  }

  /** An input of any rank. */
  template <class T>
  Array<const T> input(int index) {
    Status status;
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status.get());
    status.check();
    tensors_.push_back(tensor);
    Shape shape(TF_NumDims(tensor));
    for (size_t i = 0; i < shape.size(); i++) shape[i] = TF_Dim(tensor, static_cast<int>(i));
    return {shape, static_cast<const T*>(TF_TensorData(tensor))};
  }

  /** A float32 output, its values not set. */
  Array<float> output(int index, Shape shape) {
    Status status;
    Array<float> array{std::move(shape), nullptr};
    const size_t bytes = array.size() * sizeof(float);
    TF_Tensor* tensor = TF_AllocateOutput(context_, index, TF_FLOAT, array.shape.data(),
                                          static_cast<int>(array.shape.size()), bytes, status.get());
    status.check();
    tensors_.push_back(tensor);
    array.data = static_cast<float*>(TF_TensorData(tensor));
    return array;
  }

 private:
  TF_OpKernelContext* context_;
  std::vector<TF_Tensor*> tensors_;
};

inline void fail(TF_OpKernelContext* context, TF_Code code, const std::string& message) {
  Status status;
  TF_SetStatus(status.get(), code, message.c_str());
  TF_OpKernelContext_Failure(context, status.get());
}

/** The name that `kernel` was defined by. */
template <void (*kernel)(Call&)>
inline const char* operation = "";

template <void (*kernel)(Call&)>
void compute(void*, TF_OpKernelContext* context) {
  const std::string name = operation<kernel>;
  try {
    Call call(context);
    kernel(call);
  } catch (const std::bad_alloc&) {
    fail(context, TF_RESOURCE_EXHAUSTED, name + ": not enough memory");
  } catch (const std::exception& error) {
    fail(context, TF_INVALID_ARGUMENT, name + ": " + error.what());
  }
}

/**
 * @param inputs, outputs, attributes as TensorFlow writes them: "x: float", "plan: int32", a list
 * "x: N * float" with the attribute "N: int"
 */
template <void (*kernel)(Call&)>
void define(const char* name, std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs,
            std::initializer_list<const char*> attributes = {}) {
  operation<kernel> = name;
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* attribute : attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute);
  for (const char* input : inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char* output : outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  Status status;
  TF_RegisterOpDefinition(definition, status.get());
  status.check();
  TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", nullptr, compute<kernel>, nullptr), status.get());
  status.check();
}

}  // namespace freekd
