// JSON texts: the first byte chooses the encoding and the depth, the rest is the text. What is read
// is read the same when it has been written.
#include "core/json/parse.h"

#include "core/json/write.h"
#include "support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace promptreg;
  if (size == 0) return 0;
  const json::ParseOptions options = {.max_depth = (bytes[0] & 1) != 0 ? 3U : 64U,
                                      .utf8 = (bytes[0] & 2) == 0};
  const std::string text = fuzz::Text({reinterpret_cast<const char*>(bytes) + 1, size - 1});
  const std::string container = json::Parse(text, options);
  if (container.empty()) return 0;

  std::string written;
  const json::Value value = json::Value::FromContainer(container.data());
  fuzz::Require(json::AppendCompact(value, options.max_depth, &written));
  fuzz::Require(fuzz::IsUtf8(written));
  fuzz::Require(json::Parse(written, options) == container);
  return 0;
}
