// Encoded sketches: bytes that are taken have one form, and answer every question within it.
#include <cmath>
#include <string>

#include "core/sketch/sketch.h"
#include "support.h"

using namespace promptreg;

namespace {

const sketch::Memory kHeap = {nullptr, [](void*, size_t bytes) { return std::malloc(bytes); },
                              [](void*, void* block) { std::free(block); }};

std::string Encoded(const sketch::Sketch& sketch) {
  std::string bytes(sketch.EncodedSize(), '\0');
  fuzz::Require(sketch.Encode(bytes.data()) == bytes.data() + bytes.size());
  return bytes;
}

void CheckQuantiles(const sketch::Sketch& sketch) {
  double previous = -HUGE_VAL;
  for (const double q : {0.0, 0.001, 0.25, 0.5, 0.75, 0.999, 1.0}) {
    const auto value = sketch.Quantile(q);
    fuzz::Require(value.has_value() == (sketch.count() > 0));
    if (!value) continue;
    fuzz::Require(std::isfinite(*value) && *value >= previous);
    previous = *value;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto error = sketch::Sketch::EncodedError(bytes);
  if (!error) return 0;
  sketch::Sketch read(*error, kHeap);
  if (read.MergeEncoded(bytes) == sketch::Sketch::Decoded::kOk) {
    fuzz::Require(Encoded(read) == bytes);
    CheckQuantiles(read);
    sketch::Sketch merged(*error, kHeap);
    fuzz::Require(merged.Add(1) && merged.Merge(read) && merged.count() == read.count() + 1);
    CheckQuantiles(merged);
    sketch::Sketch again(*error, kHeap);
    fuzz::Require(again.MergeEncoded(Encoded(merged)) == sketch::Sketch::Decoded::kOk);
    fuzz::Require(Encoded(again) == Encoded(merged));
    merged.Release();
    again.Release();
  }
  read.Release();
  return 0;
}
