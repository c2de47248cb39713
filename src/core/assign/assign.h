// Who gets which variant: a pure function of salt, user, variants and weights, in integers only.
//
// Weighted rendezvous hashing (the variant with the smallest -log2(u)/weight wins) over XXH64,
// hash_version 1. The algorithm is public (docs/assignment.md): every language computes the same
// answer, for ever.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace promptreg::assign {

inline constexpr uint32_t kSlots = 1'000'000;  // parts per million

// XXH64, seed 0, of the parts (UTF-8, without zero bytes) joined by one zero byte each.
uint64_t Hash(std::span<const std::string_view> parts);

// 0 .. 999999, in proportion to the upper 32 bits.
inline uint32_t Slot(uint64_t hash) {
  return static_cast<uint32_t>(((hash >> 32) * kSlots) >> 32);
}

// -log2((hash | 1) / 2^64) in units of 2^-32; never 0.
uint64_t NegativeLog2(uint64_t hash);

struct Variant {
  std::string_view key;
  uint32_t weight_ppm = 0;  // 0 .. 1000000; variants without weight are never picked
};

// Slot that decides whether a user is enrolled: in iff it is smaller than the coverage in ppm.
uint32_t CoverageSlot(std::string_view salt, std::string_view user);

// In the holdout iff it is smaller than the holdout's share in ppm.
uint32_t HoldoutSlot(std::string_view holdout, std::string_view user);

// In an experiment's range of a namespace iff it lies in it.
uint32_t NamespaceSlot(std::string_view name_space, std::string_view user);

// Index of the user's variant; -1 when no weight is positive. Ties go to the smaller key in byte
// order.
int PickVariant(std::string_view salt, std::string_view user, std::span<const Variant> variants);

}  // namespace promptreg::assign
