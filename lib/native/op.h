/** Operations for TensorFlow, by its C API: `define` registers an op with a kernel for the CPU; the kernel meets its tensors as a `Call`. */
#pragma once
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"

namespace freekd {

/** A tensor's shape and values. */
template <class T>
struct Array {
  std::vector<int64_t> shape;
  T* data;

  int64_t size() const {
    int64_t product = 1;
    for (int64_t n : shape) product *= n;
    return product;
  }
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

  template <class T>
  Array<const T> input(int index) {
    Status status;
    TF_Tensor* tensor = nullptr;
    TF_GetInput(context_, index, &tensor, status.get());
    status.check();
    tensors_.push_back(tensor);
    std::vector<int64_t> shape(TF_NumDims(tensor));
    for (size_t i = 0; i < shape.size(); i++) shape[i] = TF_Dim(tensor, static_cast<int>(i));
    return {shape, static_cast<const T*>(TF_TensorData(tensor))};
  }

  /** A float32 output, its values not set. */
  Array<float> output(int index, std::vector<int64_t> shape) {
    Status status;
    Array<float> array{std::move(shape), nullptr};
    TF_Tensor* tensor = TF_AllocateOutput(context_, index, TF_FLOAT, array.shape.data(), static_cast<int>(array.shape.size()), array.size() * sizeof(float), status.get());
    status.check();
    tensors_.push_back(tensor);
    array.data = static_cast<float*>(TF_TensorData(tensor));
    return array;
  }

 private:
  TF_OpKernelContext* context_;
  std::vector<TF_Tensor*> tensors_;
};

template <void (*kernel)(Call&)>
void compute(void*, TF_OpKernelContext* context) {
  try {
    Call call(context);
    kernel(call);
  } catch (const std::exception& error) {
    Status status;
    TF_SetStatus(status.get(), TF_INVALID_ARGUMENT, error.what());
    TF_OpKernelContext_Failure(context, status.get());
  }
}

/** @param inputs, outputs, attributes as TensorFlow writes them: "x: float", "plan: int32", a list "x: N * float" with the attribute "N: int" */
template <void (*kernel)(Call&)>
void define(const char* name, std::initializer_list<const char*> inputs, std::initializer_list<const char*> outputs, std::initializer_list<const char*> attributes = {}) {
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
