// Names in the braces of another syntax.
#pragma once

#include <cstddef>
#include <string_view>

namespace promptreg::tmpl {

// The next {name} from *at on, in so many braces and no more; in two, there may be blanks. *at is
// set to where its braces start, and *end to behind them. Empty: there is none.
std::string_view NextInBraces(std::string_view text, size_t braces, size_t* at, size_t* end);

}  // namespace promptreg::tmpl
