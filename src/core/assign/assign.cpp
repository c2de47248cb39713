#include "core/assign/assign.h"

#include <bit>
#include <cmath>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace promptreg::assign {
namespace {

__extension__ using Uint128 = unsigned __int128;

constexpr size_t kJoinedBytes = 512;  // longer input is hashed piece by piece

uint64_t HashInPieces(std::span<const std::string_view> parts) {
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) XXH64_update(&state, "\0", 1);
    if (!parts[i].empty()) XXH64_update(&state, parts[i].data(), parts[i].size());
  }
  return XXH64_digest(&state);
}

// The 32 binary digits after the point of log2(y / 2^63), one for each squaring; y >= 2^63. The low
// half of each square is dropped, which is part of the definition.
uint64_t LogDigits(uint64_t y) {
  uint64_t digits = 0;
  for (int i = 0; i < 32; ++i) {
    const Uint128 square = static_cast<Uint128>(y) * y;
    const auto digit = static_cast<uint64_t>(square >> 127);
    digits = 2 * digits + digit;
    y = static_cast<uint64_t>(square >> (63 + digit));
  }
  return digits;
}

// The same digits, nearly always from one floating-point logarithm, which is ten times faster. What
// the squarings drop lowers their logarithm by less than 2^-30 of the last digit, and a logarithm
// that is good to 42 bits (the usual one is to 52) errs by less than 2^-10 of it: so both have the
// same digits, on every platform, unless the estimate is within kMargin of a step. Then, once in a
// thousand times, the squarings decide.
uint64_t FastLogDigits(uint64_t y) {
  constexpr double kMargin = 0x1p-10;
  const double estimate = std::log2(static_cast<double>(y) * 0x1p-63) * 0x1p32;
  const auto digits = static_cast<uint64_t>(estimate);
  const double rest = estimate - static_cast<double>(digits);
  return rest > kMargin && rest < 1 - kMargin ? digits : LogDigits(y);
}

}  // namespace

uint64_t Hash(std::span<const std::string_view> parts) {
  char joined[kJoinedBytes];
  size_t size = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].size() >= kJoinedBytes - size) return HashInPieces(parts);
    if (i > 0) joined[size++] = '\0';
    if (!parts[i].empty()) std::memcpy(joined + size, parts[i].data(), parts[i].size());
    size += parts[i].size();
  }
  return XXH64(joined, size, 0);
}

uint64_t NegativeLog2(uint64_t hash) {
  const uint64_t x = hash | 1;  // log2(0) is none
  const int leading_zeros = std::countl_zero(x);
  return ((static_cast<uint64_t>(leading_zeros) + 1) << 32) - FastLogDigits(x << leading_zeros);
}

uint32_t CoverageSlot(std::string_view salt, std::string_view user) {
  const std::string_view parts[] = {"pr1", "cov", salt, user};
  return Slot(Hash(parts));
}

uint32_t HoldoutSlot(std::string_view holdout, std::string_view user) {
  const std::string_view parts[] = {"pr1", "hold", holdout, user};
  return Slot(Hash(parts));
}

uint32_t NamespaceSlot(std::string_view name_space, std::string_view user) {
  const std::string_view parts[] = {"pr1", "ns", name_space, user};
  return Slot(Hash(parts));
}

int PickVariant(std::string_view salt, std::string_view user, std::span<const Variant> variants) {
  int best = -1;
  uint64_t best_score = 0;
  for (size_t i = 0; i < variants.size(); ++i) {
    const Variant& variant = variants[i];
    if (variant.weight_ppm == 0) continue;
    const std::string_view parts[] = {"pr1", "arm", salt, user, variant.key};
    const uint64_t score = NegativeLog2(Hash(parts));
    if (best >= 0) {
      // Scores are below 2^39 and weights below 2^20: the products fit.
      const uint64_t mine = score * variants[static_cast<size_t>(best)].weight_ppm;
      const uint64_t others = best_score * variant.weight_ppm;
      if (mine > others) continue;
      if (mine == others && variant.key >= variants[static_cast<size_t>(best)].key) continue;
    }
    best = static_cast<int>(i);
    best_score = score;
  }
  return best;
}

}  // namespace promptreg::assign
