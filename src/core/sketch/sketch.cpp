#include "core/sketch/sketch.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace promptreg::sketch {
namespace {

constexpr uint32_t kFewestBins = 64;

}  // namespace

Sketch::Sketch(double error, const Memory& memory)
    : error_(error), log_gamma_(std::log1p(2 * error / (1 - error))), memory_(memory) {}

int32_t Sketch::Index(double magnitude) const {
  return static_cast<int32_t>(std::ceil(std::log(magnitude) / log_gamma_));
}

// 2 gamma^i / (gamma+1) = gamma^i (1-e). The largest bins reach beyond the largest double.
double Sketch::Value(int32_t index) const {
  return std::min(std::exp(index * log_gamma_) * (1 - error_), 1.7976931348623157e308);
}

// Moves everything below `new_first` into it.
void Sketch::JoinLowest(Bins* bins, int32_t new_first) const {
  const auto drop = static_cast<uint32_t>(new_first - bins->first);
  const uint32_t joined = std::min(drop, bins->size);
  uint64_t sum = 0;
  for (uint32_t i = 0; i < joined; ++i) sum += bins->counts[i];
  if (drop >= bins->size) {
    bins->size = 1;
    bins->counts[0] = sum;
  } else {
    bins->size -= drop;
    std::memmove(bins->counts, bins->counts + drop, bins->size * sizeof(uint64_t));
    bins->counts[0] += sum;
  }
  bins->first = new_first;
}

// Makes the range hold low to high, at most the highest kMostBins of it.
bool Sketch::Cover(Bins* bins, int32_t low, int32_t high) {
  constexpr auto kMost = static_cast<int32_t>(kMostBins);
  if (bins->size > 0) {
    low = std::min(low, bins->first);
    high = std::max(high, bins->first + static_cast<int32_t>(bins->size) - 1);
  }
  if (high - low >= kMost) {
    low = high - kMost + 1;
    if (bins->size > 0 && bins->first < low) JoinLowest(bins, low);
  }
  const auto needed = static_cast<uint32_t>(high - low + 1);
  const uint32_t before = bins->size == 0 ? 0 : static_cast<uint32_t>(bins->first - low);
  if (needed > bins->capacity) {
    uint32_t capacity = std::max(kFewestBins, bins->capacity);
    while (capacity < needed) capacity *= 2;
    capacity = std::min(capacity, kMostBins);
    auto* grown =
        static_cast<uint64_t*>(memory_.allocate(memory_.context, capacity * sizeof(uint64_t)));
    if (grown == nullptr) return false;
    if (bins->size > 0) {
      std::memcpy(grown + before, bins->counts, bins->size * sizeof(uint64_t));
    }
    if (bins->counts != nullptr) memory_.release(memory_.context, bins->counts);
    bins->counts = grown;
    bins->capacity = capacity;
  } else if (before > 0) {
    std::memmove(bins->counts + before, bins->counts, bins->size * sizeof(uint64_t));
  }
  std::fill(bins->counts, bins->counts + before, 0);
  std::fill(bins->counts + before + bins->size, bins->counts + needed, 0);
  bins->first = low;
  bins->size = needed;
  return true;
}

bool Sketch::AddTo(Bins* bins, int32_t index, uint64_t count) {
  const int64_t position = static_cast<int64_t>(index) - bins->first;
  if (position < 0 || position >= bins->size) {
    if (!Cover(bins, index, index)) return false;
    // What is below the bound belongs to the lowest bin.
    bins->counts[std::max(index, bins->first) - bins->first] += count;
    return true;
  }
  bins->counts[position] += count;
  return true;
}

bool Sketch::Add(double value) {
  if (value > 0) {
    if (!AddTo(&positive_, Index(value), 1)) return false;
  } else if (value < 0) {
    if (!AddTo(&negative_, Index(-value), 1)) return false;
  } else {
    value = 0;  // not -0
    ++zeros_;
  }
  least_ = count_ == 0 ? value : std::min(least_, value);
  greatest_ = count_ == 0 ? value : std::max(greatest_, value);
  ++count_;
  return true;
}

bool Sketch::Merge(const Sketch& other) {
  if (other.count_ == 0) return true;
  for (const auto& [mine, theirs] :
       {std::pair{&positive_, &other.positive_}, std::pair{&negative_, &other.negative_}}) {
    if (theirs->size == 0) continue;
    const int32_t last = theirs->first + static_cast<int32_t>(theirs->size) - 1;
    if (!Cover(mine, theirs->first, last)) return false;
    for (uint32_t i = 0; i < theirs->size; ++i) {
      const int32_t index = std::max(theirs->first + static_cast<int32_t>(i), mine->first);
      mine->counts[index - mine->first] += theirs->counts[i];
    }
  }
  zeros_ += other.zeros_;
  least_ = count_ == 0 ? other.least_ : std::min(least_, other.least_);
  greatest_ = count_ == 0 ? other.greatest_ : std::max(greatest_, other.greatest_);
  count_ += other.count_;
  return true;
}

std::optional<double> Sketch::Quantile(double q) const {
  if (count_ == 0) return std::nullopt;
  const double rank = std::ceil(q * static_cast<double>(count_));
  if (rank <= 1) return least_;
  if (rank >= static_cast<double>(count_)) return greatest_;
  auto wanted = static_cast<uint64_t>(rank);
  const auto clamped = [&](double value) { return std::clamp(value, least_, greatest_); };
  for (uint32_t i = negative_.size; i-- > 0;) {
    const uint64_t here = negative_.counts[i];
    if (wanted <= here) return clamped(-Value(negative_.first + static_cast<int32_t>(i)));
    wanted -= here;
  }
  if (wanted <= zeros_) return 0;
  wanted -= zeros_;
  for (uint32_t i = 0; i < positive_.size; ++i) {
    const uint64_t here = positive_.counts[i];
    if (wanted <= here) return clamped(Value(positive_.first + static_cast<int32_t>(i)));
    wanted -= here;
  }
  return greatest_;
}

void Sketch::Release() {
  for (Bins* bins : {&positive_, &negative_}) {
    if (bins->counts != nullptr) memory_.release(memory_.context, bins->counts);
    *bins = {};
  }
}

}  // namespace promptreg::sketch
