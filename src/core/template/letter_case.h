// Upper and lower case without a locale: letters that have one other letter as their counterpart.
#pragma once

#include <cstdint>

namespace promptreg::tmpl {

uint32_t ToUpper(uint32_t character);
uint32_t ToLower(uint32_t character);

}  // namespace promptreg::tmpl
