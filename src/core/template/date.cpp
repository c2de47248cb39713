#include "core/template/date.h"

#include <charconv>
#include <cstring>

namespace promptreg::tmpl {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kDay = 24 * 60 * kMinute;
constexpr int32_t kMostOffset = 15 * 60 + 59;
constexpr int64_t kDaysTo2000 = 10957;
constexpr std::string_view kLetters = "aAbBdefFHIjmMpsSTuyYzZ%";

constexpr std::string_view kWeekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                          "Friday", "Saturday", "Sunday"};
constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};

int64_t FloorDivide(int64_t value, int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

// Days since 1970-01-01 in the Gregorian calendar, counted in eras of 400 years from March on.
int64_t DaysFromDate(int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const int64_t era = FloorDivide(year, 400);
  const int64_t of_era = year - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

struct Date {
  int64_t year = 0;
  int month = 0, day = 0;
};

Date DateFromDays(int64_t days) {
  days += 719'468;
  const int64_t era = FloorDivide(days, 146'097);
  const int64_t of_era = days - era * 146'097;
  const int64_t year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const int64_t shifted = (5 * of_year + 2) / 153;
  Date date;
  date.day = static_cast<int>(of_year - (153 * shifted + 2) / 5) + 1;
  date.month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  date.year = year + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Reads a text from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool Done() const { return at_ == text_.size(); }
  bool Take(char c) {
    if (Done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool Digits(int count, int least, int most, int* value) {
    *value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      if (Done() || !IsDigit(text_[at_])) return false;
      *value = *value * 10 + (text_[at_] - '0');
    }
    return *value >= least && *value <= most;
  }
  // Decimals of a second; those beyond microseconds are dropped.
  bool Fraction(int64_t* microseconds) {
    if (Done() || !IsDigit(text_[at_])) return false;
    int64_t unit = kSecond;
    for (; !Done() && IsDigit(text_[at_]); ++at_) {
      unit /= 10;
      *microseconds += unit * (text_[at_] - '0');
    }
    return true;
  }
  // +02:00, +0200 or +02
  bool Offset(int32_t* minutes) {
    const bool west = Take('-');
    if (!west && !Take('+')) return false;
    int hour, minute = 0;
    if (!Digits(2, 0, 15, &hour)) return false;
    if (Take(':') || !Done()) {
      if (!Digits(2, 0, 59, &minute)) return false;
    }
    *minutes = (west ? -1 : 1) * (hour * 60 + minute);
    return true;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

char* Put(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* Digits(int64_t value, int width, char* out) {
  if (value < 0) {
    *out++ = '-';
    value = -value;
  }
  char digits[20];
  const char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  for (auto length = static_cast<int>(end - digits); length < width; ++length) *out++ = '0';
  return Put({digits, static_cast<size_t>(end - digits)}, out);
}

char* PutOffset(int32_t offset, std::string_view between, char* out) {
  *out++ = offset < 0 ? '-' : '+';
  const int32_t minutes = offset < 0 ? -offset : offset;
  return Digits(minutes % 60, 2, Put(between, Digits(minutes / 60, 2, out)));
}

}  // namespace

bool ParseOffset(std::string_view text, int32_t* minutes) {
  *minutes = 0;
  if (text == "UTC") return true;
  Reader reader(text);
  return text.size() == 6 && text[3] == ':' && reader.Offset(minutes) && reader.Done() &&
         *minutes <= kMostOffset;
}

bool ParseInstant(std::string_view text, Instant* instant) {
  Reader reader(text);
  int year, month, day, hour = 0, minute = 0, second = 0;
  int64_t fraction = 0;
  int32_t offset = 0;
  if (!reader.Digits(4, 1, 9999, &year) || !reader.Take('-') || !reader.Digits(2, 1, 12, &month) ||
      !reader.Take('-') || !reader.Digits(2, 1, 31, &day)) {
    return false;
  }
  const int64_t days = DaysFromDate(year, month, day);
  if (DateFromDays(days).day != day) return false;
  instant->local = true;
  if (!reader.Done()) {
    if ((!reader.Take('T') && !reader.Take('t') && !reader.Take(' ')) ||
        !reader.Digits(2, 0, 24, &hour) || !reader.Take(':') || !reader.Digits(2, 0, 59, &minute)) {
      return false;
    }
    if (reader.Take(':')) {
      if (!reader.Digits(2, 0, 60, &second)) return false;
      if ((reader.Take('.') || reader.Take(',')) && !reader.Fraction(&fraction)) return false;
    }
    if (hour == 24 && (minute != 0 || second != 0 || fraction != 0)) return false;
    if (!reader.Done()) {
      instant->local = false;
      if (!reader.Take('Z') && !reader.Take('z') && !reader.Offset(&offset)) return false;
    }
  }
  instant->microseconds =
      days * kDay + (hour * 60 + minute - offset) * kMinute + second * kSecond + fraction;
  return reader.Done();
}

bool InstantFromSeconds(std::string_view number, Instant* instant) {
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  // To the end of the year 9999.
  constexpr int64_t kMost = 253'402'300'799;
  int64_t seconds = 0, fraction = 0;
  size_t at = 0;
  for (; at < number.size() && IsDigit(number[at]); ++at) {
    seconds = seconds * 10 + (number[at] - '0');
    if (seconds > kMost) return false;
  }
  if (at < number.size()) {
    Reader reader(number.substr(at));
    if (!reader.Take('.') || !reader.Fraction(&fraction)) return false;
  }
  instant->local = false;
  instant->microseconds = (negative ? -1 : 1) * (seconds * kSecond + fraction);
  return instant->microseconds >= DaysFromDate(1, 1, 1) * kDay;
}

std::string DateFormatProblem(std::string_view format) {
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    if (++i < format.size() && kLetters.find(format[i]) != std::string_view::npos) continue;
    std::string problem = "knows only these fields:";
    for (const char letter : kLetters) problem.append(" %").append(1, letter);
    return problem;
  }
  return {};
}

char* FormatDate(Instant instant, int32_t offset, std::string_view format, char* out) {
  const int64_t shown = instant.microseconds + (instant.local ? 0 : offset * kMinute);
  const int64_t days = FloorDivide(shown, kDay);
  const Date date = DateFromDays(days);
  const int64_t time = shown - days * kDay;
  const auto hour = time / (60 * kMinute), minute = time / kMinute % 60;
  const auto second = time / kSecond % 60;
  const int64_t twelve = hour % 12 == 0 ? 12 : hour % 12;
  const std::string_view weekday = kWeekdays[((days + 3) % 7 + 7) % 7];
  const std::string_view month = kMonths[date.month - 1];
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      *out++ = format[i];
      continue;
    }
    switch (format[++i]) {
      case 'a':
        out = Put(weekday.substr(0, 3), out);
        break;
      case 'A':
        out = Put(weekday, out);
        break;
      case 'b':
        out = Put(month.substr(0, 3), out);
        break;
      case 'B':
        out = Put(month, out);
        break;
      case 'd':
        out = Digits(date.day, 2, out);
        break;
      case 'e':
        out = Digits(date.day, 1, out);
        break;
      case 'f':
        out = Digits(time % kSecond, 6, out);
        break;
      case 'F':
        out = Digits(date.day, 2,
                     Put("-", Digits(date.month, 2, Put("-", Digits(date.year, 4, out)))));
        break;
      case 'H':
        out = Digits(hour, 2, out);
        break;
      case 'I':
        out = Digits(twelve, 2, out);
        break;
      case 'j':
        out = Digits(days - DaysFromDate(date.year, 1, 1) + 1, 3, out);
        break;
      case 'm':
        out = Digits(date.month, 2, out);
        break;
      case 'M':
        out = Digits(minute, 2, out);
        break;
      case 'p':
        out = Put(hour < 12 ? "AM" : "PM", out);
        break;
      case 's':
        out = Digits(FloorDivide(shown - offset * kMinute * (instant.local ? 0 : 1), kSecond), 1,
                     out);
        break;
      case 'S':
        out = Digits(second, 2, out);
        break;
      case 'T':
        out = Digits(second, 2, Put(":", Digits(minute, 2, Put(":", Digits(hour, 2, out)))));
        break;
      case 'u':
        out = Digits(((days + 3) % 7 + 7) % 7 + 1, 1, out);
        break;
      case 'y':
        out = Digits((date.year % 100 + 100) % 100, 2, out);
        break;
      case 'Y':
        out = Digits(date.year, 4, out);
        break;
      case 'z':
        out = PutOffset(offset, "", out);
        break;
      case 'Z':
        out = offset == 0 ? Put("UTC", out) : PutOffset(offset, ":", out);
        break;
      default:
        *out++ = format[i];
        break;
    }
  }
  return out;
}

char* FormatTimestamp(int64_t microseconds_since_2000, char* out) {
  // Splitting first keeps even the largest number within range.
  const int64_t days = FloorDivide(microseconds_since_2000, kDay);
  const int64_t time = (microseconds_since_2000 % kDay + kDay) % kDay;
  const Date date = DateFromDays(days + kDaysTo2000);
  out = Digits(date.day, 2, Put("-", Digits(date.month, 2, Put("-", Digits(date.year, 4, out)))));
  out = Put("T", out);
  out = FormatDate({.microseconds = time, .local = true}, 0, time % kSecond == 0 ? "%T" : "%T.%f",
                   out);
  return Put("Z", out);
}

}  // namespace promptreg::tmpl
