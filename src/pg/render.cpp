#include "pg/render.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "core/chat/chat.h"
#include "pg/encoding.h"
#include "pg/errors.h"
#include "pg/guard.h"
#include "pg/jsonb.h"
#include "pg/settings.h"

namespace promptreg::pg {
namespace {

// One for the process, never destroyed: core keeps its output buffer and stacks in it between
// renderings.
tmpl::Scratch* ProcessScratch() {
  static tmpl::Scratch* scratch = nullptr;
  if (scratch == nullptr) scratch = tmpl::NewScratch();
  if (scratch == nullptr) ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
  return scratch;
}

// The text of a chat prompt's version that an error is about; nullptr: there is but one, or none.
const char* PlaceOf(const Version* version, const tmpl::Error& error) {
  if (version == nullptr || !version->chat || error.line == 0) return nullptr;
  static char where[64];
  where[0] = '\0';
  const json::Value messages = JsonView(const_cast<Jsonb*>(version->messages));
  const Caught caught = Guarded([&] {
    const chat::Contents contents = chat::ReadContents(messages);
    if (messages.size() == 1 && contents.places.size() == 1) return;
    if (error.part >= contents.places.size()) return;
    chat::DescribePlace(contents.places[error.part], where, sizeof(where));
  });
  ReportCaught(caught);
  return where[0] != '\0' ? where : nullptr;
}

// The core stops when an interrupt is pending. CHECK_FOR_INTERRUPTS ends the statement if it was a
// cancel; after any other kind, or where interrupts are held off, the work is done again from the
// start.
template <typename Work>
void Interruptibly(tmpl::RenderOptions* options, const Version* version, Work&& work) {
  tmpl::Error error;
  options->interrupt = &InterruptPending;
  tmpl::Code code = work(&error);
  while (code == tmpl::Code::kInterrupted) {
    CHECK_FOR_INTERRUPTS();
    if (InterruptPending) options->interrupt = nullptr;
    code = work(&error);
  }
  if (code == tmpl::Code::kOk) return;
  tmpl::TrimScratch(ProcessScratch());
  ReportTemplateError(error, PlaceOf(version, error));
}

void PushKey(JsonbParseState** state, std::string_view key) {
  JsonbValue value;
  value.type = jbvString;
  value.val.string.val = const_cast<char*>(key.data());
  value.val.string.len = static_cast<int>(key.size());
  pushJsonbValue(state, WJB_KEY, &value);
}

void PushString(JsonbParseState** state, JsonbIteratorToken token, std::string_view text) {
  JsonbValue value;
  value.type = jbvString;
  value.val.string.val = const_cast<char*>(text.data());
  value.val.string.len = static_cast<int>(text.size());
  pushJsonbValue(state, token, &value);
}

// The state refers to strings until the value is finished, so a rendered text is copied out of the
// scratch.
std::string_view Copied(std::string_view text) {
  return {pnstrdup(text.data(), text.size()), text.size()};
}

tmpl::RenderOptions Options() {
  tmpl::RenderOptions options;
  options.limits = TemplateLimits();
  options.now = GetCurrentTransactionStartTimestamp();
  options.encoding = DatabaseEncoding();
  return options;
}

// Says what the setting wants said of variables that a prompt does not have.
void CheckUnknown(tmpl::ProgramView program, json::Value variables) {
  const UnknownVariables setting = UnknownVariablesSetting();
  if (setting == UnknownVariables::kIgnore) return;
  tmpl::Error error;
  if (tmpl::CheckKnown(program, variables, ProcessScratch(), &error)) return;
  if (setting == UnknownVariables::kError) ReportTemplateError(error, nullptr);
  WarnTemplateError(error);
}

Jsonb* RenderChat(const Version& version, json::Value variables) {
  Jsonb* result = nullptr;
  tmpl::RenderOptions options = Options();
  tmpl::Scratch* const scratch = ProcessScratch();
  const json::Value stored = JsonView(const_cast<Jsonb*>(version.messages));
  Interruptibly(&options, &version, [&](tmpl::Error* error) {
    tmpl::Code code = tmpl::Bind(version.program, variables, true, options, scratch, error);
    if (code != tmpl::Code::kOk) return code;
    const Caught caught = Guarded([&] {
      std::string messages;
      code = chat::Render(stored, version.program, variables, options, scratch, &messages, error);
      if (code == tmpl::Code::kOk) result = NewJsonb(messages);
    });
    ReportCaught(caught);
    return code;
  });
  tmpl::TrimScratch(scratch);
  CheckUnknown(version.program, variables);
  return result;
}

Jsonb* AsUserMessage(std::string_view text) {
  JsonbParseState* state = nullptr;
  pushJsonbValue(&state, WJB_BEGIN_ARRAY, nullptr);
  pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
  PushKey(&state, "role");
  PushString(&state, WJB_VALUE, "user");
  PushKey(&state, "content");
  PushString(&state, WJB_VALUE, text);
  pushJsonbValue(&state, WJB_END_OBJECT, nullptr);
  return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, nullptr));
}

}  // namespace

Rendering::Rendering(tmpl::ProgramView program, json::Value variables, bool require_object,
                     const Version* version)
    : program_(program), version_(version), options_(Options()) {
  Interruptibly(&options_, version_, [&](tmpl::Error* error) {
    return tmpl::Bind(program_, variables, require_object, options_, ProcessScratch(), error);
  });
  if (require_object) CheckUnknown(program, variables);
}

std::string_view Rendering::Render(uint32 part) {
  std::string_view output;
  Interruptibly(&options_, version_, [&](tmpl::Error* error) {
    return tmpl::Render(program_, part, options_, ProcessScratch(), &output, error);
  });
  return output;
}

std::string_view Rendering::Render(uint32 part, std::span<const tmpl::Span>* spans) {
  std::string_view output;
  Interruptibly(&options_, version_, [&](tmpl::Error* error) {
    return tmpl::RenderTraced(program_, part, options_, ProcessScratch(), &output, spans, error);
  });
  return output;
}

const chat::Text* Rendering::ListTexts(const Version& version, json::Value variables,
                                       uint32* count) {
  static_assert(std::is_trivially_destructible_v<chat::Text>);
  const json::Value stored = JsonView(const_cast<Jsonb*>(version.messages));
  chat::Text* result = nullptr;
  Interruptibly(&options_, version_, [&](tmpl::Error* error) {
    tmpl::Code code = tmpl::Code::kOk;
    const Caught caught = Guarded([&] {
      std::vector<chat::Text> texts;
      code = chat::ListTexts(stored, variables, options_, ProcessScratch(), &texts, error);
      if (code != tmpl::Code::kOk) return;
      const size_t size = texts.size() * sizeof(chat::Text);
      if (size >= MaxAllocSize) throw std::bad_alloc();
      result = static_cast<chat::Text*>(
          MemoryContextAllocExtended(CurrentMemoryContext, size + 1, MCXT_ALLOC_NO_OOM));
      if (result == nullptr) throw std::bad_alloc();
      std::copy(texts.begin(), texts.end(), result);
      *count = static_cast<uint32>(texts.size());
    });
    ReportCaught(caught);
    return code;
  });
  return result;
}

// Copying a large text costs as much as rendering it, so it is rendered into the result where that
// is large enough and not far too large.
text* Rendering::RenderNew(uint32 part, uint32 expected) {
  const Size room = expected + expected / 8 + 64;
  auto* result = static_cast<text*>(palloc(VARHDRSZ + room));
  options_.room = {VARDATA(result), room};
  const std::string_view output = Render(part);
  options_.room = {};
  if (output.data() == VARDATA(result) && output.size() >= room / 2) {
    SET_VARSIZE(result, VARHDRSZ + output.size());
    return result;
  }
  text* copy = NewText(output);
  pfree(result);
  return copy;
}

void Rendering::Finish() {
  tmpl::TrimScratch(ProcessScratch());
}

text* RenderText(const Version& version, json::Value variables) {
  Rendering rendering(version.program, variables, true);
  text* result = rendering.RenderNew(0, version.text_size);
  rendering.Finish();
  version.text_size = VARSIZE(result) - VARHDRSZ;
  return result;
}

Jsonb* RenderMessages(const Version& version, json::Value variables) {
  if (version.chat) return RenderChat(version, variables);
  Rendering rendering(version.program, variables, true);
  Jsonb* result = AsUserMessage(Copied(rendering.Render(0)));
  rendering.Finish();
  return result;
}

}  // namespace promptreg::pg
