// The binary form. Integers are unsigned LEB128 unless said otherwise, numbers IEEE 754 doubles in
// little-endian order:
//
//   byte 1: the version, 1          8 bytes: the relative error
//   count of zeros                  then, if the sketch has any value:
//   8 bytes, 8 bytes: least and greatest value
//   twice, for the positive and for the negative side:
//     how many runs of neighbouring bins that are not empty; for each of them
//       the first index, zigzag, of the first run; else the number of empty bins before it, less 1
//       how many bins, less 1; then their counts
//
// Each sketch has one form: runs are as long as they can be, integers as short.
#include <bit>
#include <cmath>
#include <cstring>

#include "core/sketch/sketch.h"

namespace promptreg::sketch {
namespace {

constexpr char kVersion = 1;
constexpr size_t kHeader = 1 + sizeof(double);
constexpr uint64_t kMostCount = uint64_t{1} << 62;

size_t IntegerSize(uint64_t value) {
  return static_cast<size_t>(std::bit_width(value | 1) + 6) / 7;
}

char* WriteInteger(uint64_t value, char* out) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

char* WriteDouble(double value, char* out) {
  auto bits = std::bit_cast<uint64_t>(value);
  for (size_t i = 0; i < sizeof(bits); ++i, bits >>= 8) *out++ = static_cast<char>(bits & 0xFF);
  return out;
}

uint64_t ZigZag(int32_t value) {
  const auto wide = static_cast<int64_t>(value);
  return static_cast<uint64_t>(wide < 0 ? -2 * wide - 1 : 2 * wide);
}

// Calls visit(position, length) for each run of bins that are not empty.
template <typename Visit>
void ForEachRun(const Bins& bins, Visit&& visit) {
  for (uint32_t i = 0; i < bins.size;) {
    if (bins.counts[i] == 0) {
      ++i;
      continue;
    }
    uint32_t end = i;
    while (end < bins.size && bins.counts[end] != 0) ++end;
    visit(i, end - i);
    i = end;
  }
}

// What stands before each run, in the order of the form.
template <typename Put>
void PutBins(const Bins& bins, Put&& put) {
  uint64_t runs = 0;
  ForEachRun(bins, [&](uint32_t, uint32_t) { ++runs; });
  put(runs);
  uint32_t previous_end = 0;
  bool first = true;
  ForEachRun(bins, [&](uint32_t position, uint32_t length) {
    put(first ? ZigZag(bins.first + static_cast<int32_t>(position)) : position - previous_end - 1);
    put(length - 1);
    for (uint32_t i = 0; i < length; ++i) put(bins.counts[position + i]);
    previous_end = position + length;
    first = false;
  });
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return bytes_.empty(); }

  bool Byte(char* value) {
    if (bytes_.empty()) return false;
    *value = bytes_[0];
    bytes_.remove_prefix(1);
    return true;
  }

  // The shortest form only.
  bool Integer(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      char byte;
      if (!Byte(&byte)) return false;
      *value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return byte != 0 || shift == 0;
    }
    return false;
  }

  bool Double(double* value) {
    if (bytes_.size() < sizeof(uint64_t)) return false;
    uint64_t bits = 0;
    for (size_t i = sizeof(bits); i-- > 0;) bits = bits << 8 | static_cast<uint8_t>(bytes_[i]);
    *value = std::bit_cast<double>(bits);
    bytes_.remove_prefix(sizeof(bits));
    return true;
  }

  bool Header(double* error) {
    char version;
    return Byte(&version) && version == kVersion && Double(error) && Sketch::IsValidError(*error);
  }

 private:
  std::string_view bytes_;
};

}  // namespace

// Reads an encoded sketch into another one.
class Decoder {
 public:
  Decoder(std::string_view bytes, Sketch* sketch) : reader_(bytes), sketch_(sketch) {}

  Sketch::Decoded Read() {
    double error;
    if (!reader_.Header(&error)) return Sketch::Decoded::kInvalid;
    if (error != sketch_->error_) return Sketch::Decoded::kOtherError;
    uint64_t zeros;
    if (!reader_.Integer(&zeros) || !Count(zeros)) return Sketch::Decoded::kInvalid;
    if (reader_.at_end()) {
      return zeros == 0 ? Sketch::Decoded::kOk : Sketch::Decoded::kInvalid;
    }
    if (!reader_.Double(&least_) || !reader_.Double(&greatest_) || !std::isfinite(least_) ||
        !std::isfinite(greatest_) || least_ > greatest_) {
      return Sketch::Decoded::kInvalid;
    }
    for (const bool positive : {true, false}) {
      const Sketch::Decoded side = ReadBins(positive);
      if (side != Sketch::Decoded::kOk) return side;
    }
    if (!reader_.at_end() || count_ == 0 || !ExtremesFit(zeros)) return Sketch::Decoded::kInvalid;
    if (count_ > kMostCount - sketch_->count_) return Sketch::Decoded::kInvalid;
    if (sketch_->count_ == 0 || least_ < sketch_->least_) sketch_->least_ = least_;
    if (sketch_->count_ == 0 || greatest_ > sketch_->greatest_) sketch_->greatest_ = greatest_;
    sketch_->zeros_ += zeros;
    sketch_->count_ += count_;
    return Sketch::Decoded::kOk;
  }

 private:
  struct Side {
    bool any = false;
    int32_t lowest = 0;
    int32_t highest = 0;
  };

  bool Count(uint64_t count) {
    if (count > kMostCount - count_) return false;
    count_ += count;
    return true;
  }

  Sketch::Decoded ReadBins(bool positive) {
    uint64_t runs;
    if (!reader_.Integer(&runs)) return Sketch::Decoded::kInvalid;
    Bins* bins = positive ? &sketch_->positive_ : &sketch_->negative_;
    Side* side = positive ? &positive_ : &negative_;
    int64_t next = 0;
    for (uint64_t run = 0; run < runs; ++run) {
      uint64_t start;
      uint64_t length;
      if (!reader_.Integer(&start) || !reader_.Integer(&length)) return Sketch::Decoded::kInvalid;
      if (start > kMostIndex || length >= kMostBins) return Sketch::Decoded::kInvalid;
      if (run == 0) {
        next = (start & 1) != 0 ? -static_cast<int64_t>(start / 2) - 1
                                : static_cast<int64_t>(start / 2);
        side->any = true;
        side->lowest = static_cast<int32_t>(next);
      } else {
        next += static_cast<int64_t>(start) + 1;
      }
      const int64_t last = next + static_cast<int64_t>(length);
      if (last > kMostIndex || last - side->lowest >= kMostBins) return Sketch::Decoded::kInvalid;
      for (; next <= last; ++next) {
        uint64_t count;
        if (!reader_.Integer(&count) || count == 0 || !Count(count)) {
          return Sketch::Decoded::kInvalid;
        }
        if (!sketch_->AddTo(bins, static_cast<int32_t>(next), count)) {
          return Sketch::Decoded::kOutOfMemory;
        }
      }
      side->highest = static_cast<int32_t>(last);
    }
    return Sketch::Decoded::kOk;
  }

  // The least and the greatest value lie in the outermost bins. Another machine's logarithm may
  // have put a value into the neighbouring one, and bins nearest to zero may have been joined.
  bool ExtremesFit(uint64_t zeros) const {
    return Fits(least_, negative_, positive_, zeros) &&
           Fits(-greatest_, positive_, negative_, zeros);
  }

  // `value` is the lower end of: the bins of `below` from the highest index down, zeros, `above`.
  bool Fits(double value, const Side& below, const Side& above, uint64_t zeros) const {
    if (below.any) return value < 0 && Near(sketch_->Index(-value), below.highest);
    if (zeros > 0) return value == 0;
    return value > 0 && sketch_->Index(value) <= above.lowest + 1;
  }

  static bool Near(int32_t a, int32_t b) { return a >= b - 1 && a <= b + 1; }

  // Far beyond the index of any double at the smallest error, and small enough for sums.
  static constexpr int64_t kMostIndex = 1 << 28;

  Reader reader_;
  Sketch* sketch_;
  uint64_t count_ = 0;
  double least_ = 0;
  double greatest_ = 0;
  Side positive_;
  Side negative_;
};

size_t Sketch::EncodedSize() const {
  size_t size = kHeader + IntegerSize(zeros_);
  if (count_ == 0) return size;
  size += 2 * sizeof(double);
  const auto measure = [&](uint64_t value) { size += IntegerSize(value); };
  PutBins(positive_, measure);
  PutBins(negative_, measure);
  return size;
}

char* Sketch::Encode(char* out) const {
  *out++ = kVersion;
  out = WriteDouble(error_, out);
  out = WriteInteger(zeros_, out);
  if (count_ == 0) return out;
  out = WriteDouble(least_, out);
  out = WriteDouble(greatest_, out);
  const auto write = [&](uint64_t value) { out = WriteInteger(value, out); };
  PutBins(positive_, write);
  PutBins(negative_, write);
  return out;
}

Sketch::Decoded Sketch::MergeEncoded(std::string_view bytes) {
  return Decoder(bytes, this).Read();
}

std::optional<double> Sketch::EncodedError(std::string_view bytes) {
  double error;
  if (!Reader(bytes).Header(&error)) return std::nullopt;
  return error;
}

}  // namespace promptreg::sketch
