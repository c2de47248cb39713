// What the fuzz targets share: values made of the fuzzer's bytes, and checks of what comes out.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "core/json/builder.h"
#include "core/template/template.h"

namespace promptreg::fuzz {

inline void Require(bool condition) {
  if (!condition) std::abort();
}

// A text of the fuzzer's as the server would give it: without zero bytes, and valid UTF-8.
inline std::string Text(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[i]);
    const size_t length = lead < 0x80   ? 1
                          : lead < 0xC2 ? 0
                          : lead < 0xE0 ? 2
                          : lead < 0xF0 ? 3
                          : lead < 0xF5 ? 4
                                        : 0;
    bool valid = length > 0 && lead != 0 && i + length <= bytes.size();
    for (size_t j = 1; valid && j < length; ++j) {
      valid = (static_cast<unsigned char>(bytes[i + j]) & 0xC0) == 0x80;
    }
    if (valid) {
      text += bytes.substr(i, length);
      i += length;
    } else {
      text += '?';
      ++i;
    }
  }
  return text;
}

// Names that templates have a chance to hit.
inline std::string Name(FuzzedDataProvider& data) {
  static constexpr const char* kNames[] = {"a", "b", "c", "s", "l", "name", "list", "x-y"};
  const auto which = data.ConsumeIntegralInRange<uint8_t>(0, 15);
  if (which < std::size(kNames)) return kNames[which];
  return Text(data.ConsumeRandomLengthString(20));
}

inline void AddValue(FuzzedDataProvider& data, int depth, json::Builder* builder) {
  const int most = depth > 0 ? 8 : 5;
  switch (data.ConsumeIntegralInRange<int>(0, most)) {
    case 0:
      return builder->Null();
    case 1:
      return builder->Bool(data.ConsumeBool());
    case 2: {
      builder->Number(std::to_string(data.ConsumeIntegral<int32_t>()) + "." +
                      std::to_string(data.ConsumeIntegral<uint16_t>()) + "e" +
                      std::to_string(data.ConsumeIntegralInRange<int>(-300, 300)));
      return;
    }
    case 3:
      builder->Number(data.ConsumeRandomLengthString(12));
      return;
    case 4:
    case 5:
      return builder->String(Text(data.ConsumeRandomLengthString(40)));
    case 6:
    case 7: {
      builder->BeginArray();
      const int count = data.ConsumeIntegralInRange<int>(0, 40);
      for (int i = 0; i < count && data.remaining_bytes() > 0; ++i)
        AddValue(data, depth - 1, builder);
      return builder->EndArray();
    }
    default: {
      builder->BeginObject();
      const int count = data.ConsumeIntegralInRange<int>(0, 40);
      for (int i = 0; i < count && data.remaining_bytes() > 0; ++i) {
        builder->Key(Name(data));
        AddValue(data, depth - 1, builder);
      }
      return builder->EndObject();
    }
  }
}

inline bool IsUtf8(std::string_view text) {
  return Text(text) == text;
}

inline void CheckError(const tmpl::Error& error) {
  Require(error.code != tmpl::Code::kOk);
  for (const char* text : {error.message, error.detail, error.hint}) Require(IsUtf8(text));
  Require(std::memchr(error.message, 0, sizeof(error.message)) != nullptr &&
          error.message[0] != '\0');
  Require(std::memchr(error.detail, 0, sizeof(error.detail)) != nullptr);
  Require(std::memchr(error.hint, 0, sizeof(error.hint)) != nullptr);
}

// Small enough that a fuzzer gets somewhere, and reaches every limit.
inline tmpl::Limits SmallLimits() {
  tmpl::Limits limits;
  limits.template_bytes = 1U << 16;
  limits.nesting = 8;
  limits.snippet_depth = 6;
  limits.program_operations = 500;
  limits.render_operations = 20'000;
  limits.output_bytes = 1U << 18;
  limits.json_depth = 6;
  return limits;
}

}  // namespace promptreg::fuzz
