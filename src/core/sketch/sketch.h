// Quantiles of a stream in bounded memory: DDSketch (Masson, Rim, Lee; VLDB 2019).
//
// A value x > 0 falls into the bin i with gamma^(i-1) < x <= gamma^i, where gamma = (1+e)/(1-e);
// what is reported for the bin, 2 gamma^i / (gamma+1), is within the relative error e of everything
// in it. Bins are counters, so sketches of parts merge into exactly the sketch of the whole.
// Negative values have bins of their own; zero, least and greatest value are kept exactly.
//
// At the default error of 1 % the bins for all doubles there are fit within the bound, and the
// error holds always. Sketches with a smaller error that outgrow the bound join their bins nearest
// to zero, whose quantiles are then no longer within it.
//
// The object is trivially destructible: what it needs comes from the Memory that it is given, so
// that it can live where no destructor runs. Nothing throws; where memory runs out, a call returns
// false, and the sketch is as it was before or, after a merge, of no further use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace promptreg::sketch {

inline constexpr double kDefaultError = 0.01;
inline constexpr double kLeastError = 0.0001;
inline constexpr double kGreatestError = 0.2;

// Bins on each side of zero; 72,700 hold all doubles at 1 %.
inline constexpr uint32_t kMostBins = 81'920;

struct Memory {
  void* context;
  void* (*allocate)(void* context, size_t bytes);  // nullptr when there is none
  void (*release)(void* context, void* block);
};

// Counters of a range of bins, densely.
struct Bins {
  uint64_t* counts;
  int32_t first;  // index of counts[0]
  uint32_t size;
  uint32_t capacity;
};

class Sketch {
 public:
  static bool IsValidError(double error) { return error >= kLeastError && error <= kGreatestError; }

  Sketch(double error, const Memory& memory);

  double error() const { return error_; }
  uint64_t count() const { return count_; }

  // `value` must be finite.
  [[nodiscard]] bool Add(double value);

  // Both must have the same error.
  [[nodiscard]] bool Merge(const Sketch& other);

  // The value of rank max(1, ceil(q n)) of the n values, as percentile_disc has it, within the
  // error; nothing of an empty sketch. 0 <= q <= 1.
  std::optional<double> Quantile(double q) const;

  // The binary form; docs/telemetry.md has it to the byte. EncodedSize() bytes are written.
  size_t EncodedSize() const;
  char* Encode(char* out) const;

  enum class Decoded : uint8_t { kOk, kInvalid, kOtherError, kOutOfMemory };

  // Adds what an encoded sketch has. The bytes may be anything. After any other answer than kOk the
  // sketch is of no further use.
  [[nodiscard]] Decoded MergeEncoded(std::string_view bytes);

  // The error that an encoded sketch was made with; nothing if these bytes begin none.
  static std::optional<double> EncodedError(std::string_view bytes);

  void Release();

 private:
  friend class Decoder;

  double Value(int32_t index) const;
  int32_t Index(double magnitude) const;
  bool AddTo(Bins* bins, int32_t index, uint64_t count);
  bool Cover(Bins* bins, int32_t low, int32_t high);
  void JoinLowest(Bins* bins, int32_t new_first) const;

  double error_;
  double log_gamma_;
  Memory memory_;
  uint64_t count_ = 0;
  uint64_t zeros_ = 0;
  double least_ = 0;
  double greatest_ = 0;
  Bins positive_ = {};
  Bins negative_ = {};
};

}  // namespace promptreg::sketch
