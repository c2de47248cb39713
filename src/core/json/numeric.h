// Numbers as PostgreSQL stores them: numeric, base 10,000, sign, weight and number of decimals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/json/value.h"

namespace promptreg::json {

// How many bytes the number's text has, and writing them; returns the end. The text is what
// numeric's output function gives.
size_t NumberTextLength(Value number);
char* WriteNumber(Value number, char* out);
std::string NumberText(Value number);

// The same for most numbers that people print: whole ones from 1 to 9999. Null: it is another.
inline constexpr int kSmallIntegerDigits = 4;
char* WriteSmallInteger(Value number, char* out);

bool NumberIsZero(Value number);
bool NumberIsInteger(Value number);  // no fraction but zeros

// The nearest double; infinite where there is none. NaN for PostgreSQL's NaN.
double NumberToDouble(Value number);

// How many decimals are printed.
int NumberScale(Value number);

// The varlena of an integer, of at most 16 bytes; returns how many.
size_t MakeInteger(uint64_t integer, char* varlena);

// Negative, zero or positive, exactly.
int CompareNumbers(Value left, Value right);

// The varlena of a number from its text in JSON's syntax; false: it is none, or out of range.
bool ParseNumber(std::string_view text, std::string* varlena);

// The same into memory that has room for it; returns how many bytes, 0: none.
size_t ParseNumber(std::string_view text, char* varlena);
inline constexpr size_t NumberRoom(size_t text_bytes) {
  return 12 + text_bytes / 2;
}

}  // namespace promptreg::json
