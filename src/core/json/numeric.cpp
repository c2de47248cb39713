#include "core/json/numeric.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>

#include "core/json/layout.h"

namespace promptreg::json {
namespace {

constexpr uint16_t kSignMask = 0xC000;
constexpr uint16_t kNegative = 0x4000;
constexpr uint16_t kShort = 0x8000;
constexpr uint16_t kSpecial = 0xC000;
constexpr uint16_t kSpecialMask = 0xF000;
constexpr uint16_t kPositiveInfinity = 0xD000;
constexpr uint16_t kNegativeInfinity = 0xF000;
constexpr uint16_t kShortNegative = 0x2000;
constexpr uint16_t kShortScaleMask = 0x1F80;
constexpr int kShortScaleShift = 7;
constexpr uint16_t kShortWeightSign = 0x0040;
constexpr uint16_t kShortWeightMask = 0x003F;
constexpr uint16_t kScaleMask = 0x3FFF;

uint16_t Load16(const char* at) {
  uint16_t word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

struct Numeric {
  std::string_view special;  // NaN and the infinities, which JSON's own numbers never are
  const char* digits = nullptr;
  int digit_count = 0;
  int weight = 0;  // of the first digit, in powers of 10,000
  int scale = 0;   // decimals to print
  bool negative = false;

  int Digit(int index) const {
    return index >= 0 && index < digit_count ? Load16(digits + ptrdiff_t{index} * 2) : 0;
  }
};

Numeric Read(Value number) {
  Numeric numeric;
  const char* data = number.data();
  const char* end = data + number.length();
  data += layout::VarlenaIsShort(data) ? 1 : 4;
  const uint16_t header = Load16(data);
  data += 2;
  if ((header & kSignMask) == kSpecial) {
    const uint16_t which = header & kSpecialMask;
    numeric.special = which == kPositiveInfinity   ? "Infinity"
                      : which == kNegativeInfinity ? "-Infinity"
                                                   : "NaN";
    return numeric;
  }
  if ((header & kSignMask) == kShort) {
    numeric.negative = (header & kShortNegative) != 0;
    numeric.scale = (header & kShortScaleMask) >> kShortScaleShift;
    numeric.weight = header & kShortWeightMask;
    if ((header & kShortWeightSign) != 0) numeric.weight -= kShortWeightMask + 1;
  } else {
    numeric.negative = (header & kSignMask) == kNegative;
    numeric.scale = header & kScaleMask;
    numeric.weight = static_cast<int16_t>(Load16(data));
    data += 2;
  }
  numeric.digits = data;
  numeric.digit_count = static_cast<int>((end - data) / 2);
  return numeric;
}

int DecimalWidth(int digit) {
  return digit >= 1000 ? 4 : digit >= 100 ? 3 : digit >= 10 ? 2 : 1;
}

// The last `width` decimals of a base-10,000 digit.
char* WriteDigit(int digit, int width, char* out) {
  for (int i = width - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + digit % 10);
    digit /= 10;
  }
  return out + width;
}

}  // namespace

size_t NumberTextLength(Value number) {
  const Numeric numeric = Read(number);
  if (!numeric.special.empty()) return numeric.special.size();
  int length = numeric.negative ? 1 : 0;
  length += numeric.weight < 0 ? 1 : DecimalWidth(numeric.Digit(0)) + numeric.weight * 4;
  if (numeric.scale > 0) length += 1 + numeric.scale;
  return static_cast<size_t>(length);
}

char* WriteNumber(Value number, char* out) {
  const Numeric numeric = Read(number);
  if (!numeric.special.empty()) {
    std::memcpy(out, numeric.special.data(), numeric.special.size());
    return out + numeric.special.size();
  }
  if (numeric.negative) *out++ = '-';
  if (numeric.weight < 0) {
    *out++ = '0';
  } else {
    out = WriteDigit(numeric.Digit(0), DecimalWidth(numeric.Digit(0)), out);
    for (int i = 1; i <= numeric.weight; ++i) out = WriteDigit(numeric.Digit(i), 4, out);
  }
  if (numeric.scale > 0) {
    *out++ = '.';
    int left = numeric.scale;
    for (int i = numeric.weight + 1; left > 0; ++i, left -= 4) {
      if (left >= 4) {
        out = WriteDigit(numeric.Digit(i), 4, out);
      } else {
        int digit = numeric.Digit(i);
        for (int drop = left; drop < 4; ++drop) digit /= 10;
        out = WriteDigit(digit, left, out);
      }
    }
  }
  return out;
}

char* WriteSmallInteger(Value number, char* out) {
  const char* data = number.data();
  // A short header without sign, scale and weight, and one digit.
  const size_t header = layout::VarlenaIsShort(data) ? 1 : 4;
  if (number.length() != header + 4 || Load16(data + header) != kShort) return nullptr;
  const int digit = Load16(data + header + 2);
  return WriteDigit(digit, DecimalWidth(digit), out);
}

std::string NumberText(Value number) {
  std::string text(NumberTextLength(number), '\0');
  WriteNumber(number, text.data());
  return text;
}

bool NumberIsZero(Value number) {
  const Numeric numeric = Read(number);
  return numeric.special.empty() && numeric.digit_count == 0;
}

bool NumberIsInteger(Value number) {
  // Digits are stored without trailing zeros.
  const Numeric numeric = Read(number);
  return numeric.special.empty() && numeric.digit_count <= numeric.weight + 1;
}

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Whole numbers up to 2^53 and these powers are doubles, so that one multiplication or division of
// them rounds once.
constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int kGreatestPower = 22;
constexpr uint64_t kGreatestWhole = uint64_t{1} << 53;

// Whether it was so simple.
bool ToDoubleByOneStep(const Numeric& numeric, double* result) {
  constexpr int kMostDigits = 4;
  if (numeric.digit_count > kMostDigits) return false;
  uint64_t whole = 0;
  for (int i = 0; i < numeric.digit_count; ++i) {
    whole = whole * 10'000 + static_cast<uint64_t>(numeric.Digit(i));
  }
  const int exponent = 4 * (numeric.weight - numeric.digit_count + 1);
  if (whole > kGreatestWhole || exponent > kGreatestPower || exponent < -kGreatestPower) {
    return false;
  }
  const auto rounded = static_cast<double>(whole);
  *result = exponent < 0 ? rounded / kPowersOfTen[-exponent] : rounded * kPowersOfTen[exponent];
  return true;
}

// All digits that can decide between two doubles, as a whole number, and an exponent.
double ToDoubleByText(const Numeric& numeric) {
  constexpr int kMostDigits = 200;
  char text[4 * kMostDigits + 16];
  char* end = text;
  const int count = numeric.digit_count < kMostDigits ? numeric.digit_count : kMostDigits;
  for (int i = 0; i < count; ++i) end = WriteDigit(numeric.Digit(i), 4, end);
  *end++ = 'e';
  end = std::to_chars(end, text + sizeof(text), 4 * (numeric.weight - count + 1)).ptr;
  double result = 0;
  if (std::from_chars(text, end, result).ec == std::errc::result_out_of_range) {
    return numeric.weight > 0 ? kInfinity : 0;
  }
  return result;
}

}  // namespace

double NumberToDouble(Value number) {
  const Numeric numeric = Read(number);
  if (!numeric.special.empty()) {
    return numeric.special == "NaN"        ? std::numeric_limits<double>::quiet_NaN()
           : numeric.special == "Infinity" ? kInfinity
                                           : -kInfinity;
  }
  double result;
  if (!ToDoubleByOneStep(numeric, &result)) result = ToDoubleByText(numeric);
  return numeric.negative ? -result : result;
}

int NumberScale(Value number) {
  return Read(number).scale;
}

size_t MakeInteger(uint64_t integer, char* varlena) {
  uint16_t digits[5];
  int count = 0, weight = -1;
  for (uint64_t rest = integer; rest > 0; rest /= 10'000) ++weight;
  for (int i = weight; i >= 0; --i, integer /= 10'000) {
    digits[i] = static_cast<uint16_t>(integer % 10'000);
  }
  for (int i = 0; i <= weight; ++i) {
    if (digits[i] != 0) count = i + 1;
  }
  const uint32_t size = 6 + static_cast<uint32_t>(count) * 2;
  const uint32_t header = std::endian::native == std::endian::little ? size << 2 : size;
  const auto word = static_cast<uint16_t>(kShort | (weight > 0 ? weight : 0));
  std::memcpy(varlena, &header, sizeof(header));
  std::memcpy(varlena + 4, &word, sizeof(word));
  std::memcpy(varlena + 6, digits, static_cast<size_t>(count) * 2);
  return size;
}

int CompareNumbers(Value left, Value right) {
  const Numeric a = Read(left), b = Read(right);
  const auto sign = [](const Numeric& numeric) {
    return numeric.digit_count == 0 ? 0 : numeric.negative ? -1 : 1;
  };
  if (sign(a) != sign(b)) return sign(a) < sign(b) ? -1 : 1;
  if (a.weight != b.weight && sign(a) != 0) return (a.weight < b.weight ? -1 : 1) * sign(a);
  const int count = a.digit_count > b.digit_count ? a.digit_count : b.digit_count;
  for (int i = 0; i < count; ++i) {
    if (a.Digit(i) != b.Digit(i)) return (a.Digit(i) < b.Digit(i) ? -1 : 1) * sign(a);
  }
  return 0;
}

namespace {

// What JSON's grammar says of a number; the texts are parts of its own.
struct Decimal {
  bool negative = false;
  std::string_view whole, fraction;
  int64_t exponent = 0;

  int64_t count() const { return static_cast<int64_t>(whole.size() + fraction.size()); }
  // Of all digits that were given; around them are zeros.
  int Digit(int64_t index) const {
    if (index < 0 || index >= count()) return 0;
    const auto at = static_cast<size_t>(index);
    return (at < whole.size() ? whole[at] : fraction[at - whole.size()]) - '0';
  }
};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool ReadDecimal(std::string_view text, Decimal* decimal) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t begin = at;
    while (at < text.size() && IsDigit(text[at])) ++at;
    return text.substr(begin, at - begin);
  };
  if (at < text.size() && text[at] == '-') {
    decimal->negative = true;
    ++at;
  }
  decimal->whole = digits();
  if (decimal->whole.empty() || (decimal->whole[0] == '0' && decimal->whole.size() > 1))
    return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    decimal->fraction = digits();
    if (decimal->fraction.empty()) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    bool down = false;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) down = text[at++] == '-';
    const std::string_view exponent = digits();
    if (exponent.empty()) return false;
    for (const char c : exponent) {
      decimal->exponent = decimal->exponent * 10 + (c - '0');
      // PostgreSQL refuses it even of zero.
      if (decimal->exponent > INT32_MAX / 2 - 1) return false;
    }
    if (down) decimal->exponent = -decimal->exponent;
  }
  return at == text.size();
}

int64_t FloorDivide4(int64_t value) {
  return value >= 0 ? value / 4 : -((-value + 3) / 4);
}

char* Put16(int64_t word, char* out) {
  const auto bits = static_cast<uint16_t>(word);
  std::memcpy(out, &bits, sizeof(bits));
  return out + sizeof(bits);
}

}  // namespace

size_t ParseNumber(std::string_view text, char* varlena) {
  Decimal decimal;
  if (!ReadDecimal(text, &decimal)) return 0;
  const int64_t scale =
      std::max(static_cast<int64_t>(decimal.fraction.size()) - decimal.exponent, int64_t{0});
  if (scale > kScaleMask) return 0;

  // Zeros at both ends are not stored.
  int64_t first = 0, end = decimal.count();
  while (first < end && decimal.Digit(first) == 0) ++first;
  while (first < end && decimal.Digit(end - 1) == 0) --end;
  int64_t weight = 0;
  if (first < end) {
    // Digits before the decimal point; it stands between two digits of base 10,000.
    const int64_t point = static_cast<int64_t>(decimal.whole.size()) + decimal.exponent;
    weight = FloorDivide4(point - first - 1);
    if (weight > INT16_MAX || weight < INT16_MIN) return 0;
    first = point - (weight + 1) * 4;
  } else {
    decimal.negative = false;
  }

  const bool is_short = scale <= (kShortScaleMask >> kShortScaleShift) &&
                        weight <= kShortWeightMask && weight >= -(kShortWeightMask + 1);
  char* out = varlena + sizeof(uint32_t);
  if (is_short) {
    out = Put16(kShort | (decimal.negative ? kShortNegative : 0) | (scale << kShortScaleShift) |
                    (weight < 0 ? kShortWeightSign : 0) | (weight & kShortWeightMask),
                out);
  } else {
    out = Put16((decimal.negative ? kNegative : 0) | scale, out);
    out = Put16(weight, out);
  }
  for (; first < end; first += 4) {
    int digit = 0;
    for (int64_t i = first; i < first + 4; ++i) digit = digit * 10 + decimal.Digit(i);
    out = Put16(digit, out);
  }
  const auto size = static_cast<uint32_t>(out - varlena);
  const uint32_t header = std::endian::native == std::endian::little ? size << 2 : size;
  std::memcpy(varlena, &header, sizeof(header));
  return size;
}

bool ParseNumber(std::string_view text, std::string* varlena) {
  varlena->resize(NumberRoom(text.size()));
  varlena->resize(ParseNumber(text, varlena->data()));
  return !varlena->empty();
}

}  // namespace promptreg::json
