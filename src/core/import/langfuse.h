// Prompts of Langfuse, converted into this language.
//
// Langfuse's texts have variables, {{name}}, and references to other prompts,
// @@@langfusePrompt:name=..|version=..@@@ or ..|label=..@@@, and nothing else. Its SDKs differ in
// what they make of anything else between double braces, so that is refused.
#pragma once

#include <string>
#include <string_view>

#include "core/chat/chat.h"
#include "core/json/value.h"
#include "core/template/template.h"

namespace promptreg::imports {

// One text. False: *error says why it cannot be converted, and where.
bool ConvertLangfuse(std::string_view text, std::string* mustache, tmpl::Error* error);

// The messages of a prompt, an array, into a container with messages of this registry. False:
// *error says why, and *place in which of them.
bool ConvertLangfuseMessages(json::Value messages, std::string* container, chat::Place* place,
                             tmpl::Error* error);

}  // namespace promptreg::imports
