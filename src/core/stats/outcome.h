// How a computation of this folder ended: every result carries one.
//
// Conventions of the folder: arguments outside the domain, NaN included, are kInvalid and name the
// argument as the SQL functions call it; results that a double cannot hold are kOutOfRange and name
// the result. What cannot be known from valid arguments (a test of two groups without variance) is
// an empty optional. NaN and infinity never come out, and nothing throws except bad_alloc where a
// span of results is filled.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

namespace promptreg::stats {

enum class Status : uint8_t { kOk, kInvalid, kOutOfRange };

struct [[nodiscard]] Outcome {
  Status status = Status::kOk;
  const char* name = "";  // the argument, or the result that is out of range
  const char* rule = "";  // what is wrong, to be read after the name

  bool ok() const { return status == Status::kOk; }
};

inline Outcome Invalid(const char* argument, const char* rule) {
  return {.status = Status::kInvalid, .name = argument, .rule = rule};
}

using Maybe = std::optional<double>;

// Keeps the first failure.
inline void RequireFinite(Outcome* outcome, const char* result, const Maybe& value) {
  if (!outcome->ok() || !value || std::isfinite(*value)) return;
  *outcome = {.status = Status::kOutOfRange, .name = result, .rule = "is out of range"};
}

// Strictly between 0 and 1; also says no to NaN.
inline bool IsOpenFraction(double value) {
  return value > 0 && value < 1;
}

inline bool IsCount(double value) {
  return std::isfinite(value) && value >= 0;
}

inline constexpr char kOpenFractionRule[] = "must be between 0 and 1";
inline constexpr char kFiniteRule[] = "must be finite";
inline constexpr char kNotNegativeRule[] = "must not be negative";
inline constexpr char kPositiveRule[] = "must be positive";

}  // namespace promptreg::stats
