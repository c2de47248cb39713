// The body of a request to a provider's API, from finished messages and provider-neutral
// parameters.
//
// Parameters have OpenAI's names. Each provider has a file that converts what it knows; what it
// does not is a problem, so that nothing gets lost in silence. Parameters under a key named after a
// provider are that provider's own: they are merged into its body as a JSON merge patch (RFC 7396)
// and stand in for neutral parameters of the same name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/json/value.h"

namespace promptreg::request {

enum class Provider : uint8_t { kOpenAi, kAnthropic, kGemini };

// False: there is no provider of this name.
bool FindProvider(std::string_view name, Provider* provider);
std::string_view ProviderName(Provider provider);
inline constexpr std::string_view kProviderNames = "openai, anthropic, gemini";

struct Input {
  json::Value messages;  // finished, an array
  bool has_model = false;
  std::string_view model = {};
  json::Value params;  // an object
  bool utf8 = true;    // the encoding of all texts is UTF-8
};

// What is in the way of a request.
struct Problems {
  uint32_t count = 0;
  std::string lines;  // one a line, without a final line break; the first ones, if there are many
};

// The root container of the body; empty: *problems says why, or the body is too large for a value
// if there are none.
std::string Build(Provider provider, const Input& input, Problems* problems);

}  // namespace promptreg::request
