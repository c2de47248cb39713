// JSON text into a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace promptreg::json {

struct ParseOptions {
  uint32_t max_depth = 64;
  bool utf8 = true;  // the text's encoding; in others \u escapes stand for ASCII only
};

// The root container; empty: the text is not JSON, has \u0000, which no value can hold, or is
// nested too deep. Of equal keys the last one wins.
std::string Parse(std::string_view text, const ParseOptions& options);

}  // namespace promptreg::json
