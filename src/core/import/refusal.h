// Saying what cannot be imported, and where it stands.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/template/error_text.h"
#include "core/template/template.h"

namespace promptreg::imports {

// Always false. The hint may be empty.
inline bool Refuse(std::string_view text, size_t position, std::string_view message,
                   std::string_view hint, tmpl::Error* error) {
  *error = tmpl::Error();
  error->code = tmpl::Code::kNoCounterpart;
  tmpl::ErrorText(error->message) << message;
  tmpl::ErrorText(error->hint) << hint;
  tmpl::SetPosition(text, position, {}, nullptr, error);
  return false;
}

}  // namespace promptreg::imports
