// The template of a Dotprompt file, converted into messages of this registry.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/import/shape.h"
#include "core/template/template.h"

namespace promptreg::imports {

struct Part {
  bool image = false;  // the text is its URL
  std::string text;
};

struct Message {
  std::string_view role;
  bool history = false;  // a placeholder for a list of messages
  std::vector<Part> parts;
};

struct Body {
  std::vector<Message> messages;
  size_t first_marker = std::string_view::npos;  // the position of the first role, history or image
  std::vector<std::string> variables;            // that it names, each once

  // Whether there is but one text of the user.
  bool IsText() const {
    return messages.size() == 1 && messages[0].role == "user" && !messages[0].history &&
           messages[0].parts.size() == 1 && !messages[0].parts[0].image;
  }
};

// Converts source[begin, end). `variables` is what is known of them; may be nullptr. False: *error
// says why it cannot be converted, and where.
bool ConvertBody(std::string_view source, size_t begin, size_t end, const Shape* variables,
                 Body* body, tmpl::Error* error);

}  // namespace promptreg::imports
