// JSON texts: the first byte chooses the encoding and the depth, the rest is the text. What is read
// is read the same when it has been written, in memory of exactly the size that was asked for, and
// by memory that has read something else before.
#include "core/json/parse.h"

#include <csignal>
#include <memory>

#include "core/json/outline.h"
#include "core/json/write.h"
#include "support.h"

namespace {

using namespace promptreg;

std::string Read(std::string_view given, const json::ParseOptions& options,
                 json::Interrupt interrupt) {
  static json::Outline outline;
  const auto text = std::make_unique<char[]>(given.size());
  given.copy(text.get(), given.size());
  json::Outcome outcome = json::Scan({text.get(), given.size()}, options, interrupt, &outline);
  if (outcome != json::Outcome::kOk) return {};
  const auto out = std::make_unique<char[]>(outline.size);
  size_t length = 0;
  outcome = json::Write(&outline, interrupt, out.get(), &length);
  fuzz::Require(length <= outline.size);
  return outcome == json::Outcome::kOk ? std::string(out.get(), length) : std::string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const json::ParseOptions options = {.max_depth = (bytes[0] & 1) != 0 ? 3U : 64U,
                                      .utf8 = (bytes[0] & 2) == 0};
  const std::string text = fuzz::Text({reinterpret_cast<const char*>(bytes) + 1, size - 1});
  const std::sig_atomic_t raised = 1;
  Read(text, options, &raised);
  const std::string container = json::Parse(text, options);
  fuzz::Require(Read(text, options, nullptr) == container);
  if (container.empty()) return 0;

  std::string written;
  const json::Value value = json::Value::FromContainer(container.data());
  fuzz::Require(json::AppendCompact(value, options.max_depth, &written));
  fuzz::Require(fuzz::IsUtf8(written));
  fuzz::Require(json::Parse(written, options) == container);
  return 0;
}
