// Rendering compiled templates into PostgreSQL values.
#pragma once

#include <span>
#include <string_view>

#include "core/chat/chat.h"
#include "core/template/template.h"
#include "pg/cache.h"
#include "pg/server.h"

namespace promptreg::pg {

// Binds variables and renders. The results are views into memory that the next rendering of this
// process reuses: copy them before. Honours interrupts. ereport(ERROR) for whatever stands in the
// way.
class Rendering {
 public:
  // require_object: the variables of a prompt are an object; a bare template takes any value.
  // version: of a chat prompt, so that errors can say in which message they are.
  Rendering(tmpl::ProgramView program, json::Value variables, bool require_object,
            const Version* version = nullptr);
  std::string_view Render(uint32 part);

  // The same, and where values stand in it.
  std::string_view Render(uint32 part, std::span<const tmpl::Span>* spans);

  // The texts of a chat prompt's messages. The result is in the current context.
  const chat::Text* ListTexts(const Version& version, json::Value variables, uint32* count);

  // Gives back memory that only a large rendering takes. Its results must have been copied.
  void Finish();

  // As a new text, made in place if `expected` bytes are about right.
  text* RenderNew(uint32 part, uint32 expected);

 private:
  tmpl::ProgramView program_;
  const Version* version_;
  tmpl::RenderOptions options_;
};

// A version's text, for kind text.
text* RenderText(const Version& version, json::Value variables);

// A version's messages, [{"role": .., "content": ..}, ..], of either kind.
Jsonb* RenderMessages(const Version& version, json::Value variables);

}  // namespace promptreg::pg
