// Lists of messages that come from outside.
#pragma once

#include <string_view>

#include "core/json/value.h"
#include "core/template/template.h"

namespace promptreg::chat {

// What is passed for a placeholder; missing: nothing.
json::Value PassedFor(json::Value placeholder, json::Value variables);

// Checks what is passed for a placeholder; each message and each part of one counts as an operation
// of the rendering, and the list's bytes as its output. Anything but kOk: *error says what is
// wrong, and where.
tmpl::Code CheckHistory(std::string_view placeholder, json::Value list,
                        const tmpl::RenderOptions& options, tmpl::Scratch* scratch,
                        tmpl::Error* error) noexcept;

}  // namespace promptreg::chat
