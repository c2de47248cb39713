// Files of Dotprompt, converted into what a version of this registry says: a template of Handlebars
// with helpers for roles, histories and images, under a front matter in YAML.
#pragma once

#include <string>
#include <string_view>

#include "core/template/template.h"

namespace promptreg::imports {

// Into a container: an object with kind (text where there is but one text of the user, otherwise
// chat), messages, params, and where the file says so model and variables. `source` is valid UTF-8.
// must_be_text: a chat cannot be taken. False: *error says why it cannot be converted, and where.
bool ConvertDotprompt(std::string_view source, bool must_be_text, std::string* container,
                      tmpl::Error* error);

}  // namespace promptreg::imports
