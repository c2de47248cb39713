// Requests to providers: the first byte chooses the provider, and a line break parts the messages
// from the parameters, both JSON texts.
#include "core/request/request.h"

#include <algorithm>

#include "core/json/parse.h"
#include "core/json/write.h"
#include "support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace promptreg;
  if (size == 0) return 0;
  const auto provider = static_cast<request::Provider>(bytes[0] % 3);
  const std::string text = fuzz::Text({reinterpret_cast<const char*>(bytes) + 1, size - 1});
  const size_t line = std::min(text.find('\n'), text.size());
  const std::string messages = json::Parse(std::string_view(text).substr(0, line), {});
  const std::string params =
      json::Parse(std::string_view(text).substr(std::min(line + 1, text.size())), {});
  if (messages.empty() || params.empty()) return 0;
  request::Input input;
  input.messages = json::Value::FromContainer(messages.data());
  input.params = json::Value::FromContainer(params.data());
  if (input.messages.kind() != json::Kind::kArray || input.params.kind() != json::Kind::kObject) {
    return 0;
  }
  input.has_model = (bytes[0] & 8) != 0;
  if (input.has_model) input.model = "m";
  input.utf8 = (bytes[0] & 16) == 0;

  request::Problems problems;
  const std::string body = request::Build(provider, input, &problems);
  fuzz::Require(body.empty() == (problems.count > 0));
  fuzz::Require(problems.lines.empty() == (problems.count == 0) && fuzz::IsUtf8(problems.lines));
  if (body.empty()) return 0;
  const json::Value built = json::Value::FromContainer(body.data());
  std::string written;
  fuzz::Require(built.kind() == json::Kind::kObject && json::AppendCompact(built, 200, &written));
  return 0;
}
