// Dates and times: reading them from ISO 8601, and writing them in a format like strftime's, the
// same in every locale. Offsets are minutes east of UTC; there are no names of time zones but UTC.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace promptreg::tmpl {

struct Instant {
  int64_t microseconds = 0;  // since 1970-01-01 00:00, in UTC or, if local, in no time zone
  bool local = false;        // there was no time zone: it is printed as it is
};

bool ParseOffset(std::string_view text, int32_t* minutes);
bool ParseInstant(std::string_view text, Instant* instant);
bool InstantFromSeconds(std::string_view number, Instant* instant);

// What is wrong with a format; empty: nothing.
std::string DateFormatProblem(std::string_view format);

// A field, which a percent sign starts, takes at most kLongestField bytes. Returns the end.
inline constexpr size_t kLongestField = 24;
char* FormatDate(Instant instant, int32_t offset, std::string_view format, char* out);

// 2000-01-01T00:00:00Z, with six decimals where they are not zero. Returns the end.
inline constexpr size_t kLongestTimestamp = 40;
char* FormatTimestamp(int64_t microseconds_since_2000, char* out);

}  // namespace promptreg::tmpl
