#include "core/template/coerce.h"

#include <cstdint>
#include <cstring>
#include <string>

#include "core/json/numeric.h"

namespace promptreg::tmpl {
namespace {

using json::Kind;
using json::Value;

// No number that anybody means is longer.
constexpr size_t kMostDigits = 1000;

bool WantsNumber(Type type) {
  return type == Type::kNumber || type == Type::kInteger;
}

bool WantsString(Type type) {
  return type == Type::kString || type == Type::kEnum;
}

size_t Aligned(size_t size) {
  return (size + 3) / 4 * 4;
}

}  // namespace

// A number takes two bytes for four digits, some of which the decimal point can split.
size_t CoercedSpace(Value value, Type type) {
  constexpr size_t kHead = 16;
  if (WantsNumber(type) && value.kind() == Kind::kString && value.length() <= kMostDigits)
    return Aligned(kHead + value.length());
  if (WantsString(type) && value.kind() == Kind::kNumber)
    return Aligned(json::NumberTextLength(value));
  return 0;
}

size_t Coerce(Type type, char* memory, Value* value) {
  if (WantsNumber(type) && value->kind() == Kind::kString && value->length() <= kMostDigits) {
    std::string number;
    if (!json::ParseNumber(value->string(), &number)) return 0;
    std::memcpy(memory, number.data(), number.size());
    *value = Value::Make(Kind::kNumber, memory, static_cast<uint32_t>(number.size()));
    return Aligned(number.size());
  }
  if (WantsString(type) && value->kind() == Kind::kNumber) {
    const char* end = json::WriteNumber(*value, memory);
    *value = Value::Make(Kind::kString, memory, static_cast<uint32_t>(end - memory));
    return Aligned(static_cast<size_t>(end - memory));
  }
  if (WantsString(type) && (value->kind() == Kind::kTrue || value->kind() == Kind::kFalse)) {
    *value = value->kind() == Kind::kTrue ? Value::Make(Kind::kString, "true", 4)
                                          : Value::Make(Kind::kString, "false", 5);
  } else if (type == Type::kBoolean && value->kind() == Kind::kString) {
    if (value->string() == "true") *value = Value::Make(Kind::kTrue, nullptr, 0);
    if (value->string() == "false") *value = Value::Make(Kind::kFalse, nullptr, 0);
  }
  return 0;
}

}  // namespace promptreg::tmpl
