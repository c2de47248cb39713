#include "core/template/rules.h"

#include "core/json/numeric.h"
#include "core/template/encoding.h"

namespace promptreg::tmpl {
namespace {

using json::Kind;
using json::Value;

struct TypeWords {
  Type type;
  std::string_view name, phrase;
};
constexpr TypeWords kTypes[] = {
    {Type::kString, "string", "a string"},      {Type::kNumber, "number", "a number"},
    {Type::kInteger, "integer", "an integer"},  {Type::kBoolean, "boolean", "true or false"},
    {Type::kArray, "array", "an array"},        {Type::kObject, "object", "an object"},
    {Type::kEnum, "enum", "one of its values"}, {Type::kAny, "any", "any value"}};

// The number that a value's bounds are about; what is counted is written into `digits`.
bool Bounded(Value value, const Encoding* encoding, const volatile std::sig_atomic_t* interrupt,
             char (&digits)[16], Value* bounded) {
  *bounded = value;
  if (value.kind() == Kind::kNumber) return true;
  uint64_t count;
  if (!CountBounded(value, encoding, interrupt, &count)) return false;
  const size_t length = json::MakeInteger(count, digits);
  *bounded = Value::Make(Kind::kNumber, digits, static_cast<uint32_t>(length));
  return true;
}

void DescribeValues(Value values, ErrorText* out) {
  constexpr uint32_t kShown = 5;
  uint32_t shown = 0;
  for (json::Cursor cursor(values); shown < kShown && cursor.Next(); ++shown) {
    if (shown > 0) *out << (shown + 1 == values.size() ? " or " : ", ");
    AppendQuoted(cursor.value().string(), out);
  }
  if (values.size() > kShown) *out << " or another of its " << values.size() << " values";
}

void AppendNumber(Value number, ErrorText* out) {
  char digits[64];
  const size_t length = json::NumberTextLength(number);
  if (length > sizeof(digits)) {
    *out << "a number of " << length << " digits";
    return;
  }
  json::WriteNumber(number, digits);
  *out << std::string_view(digits, length);
}

void ExplainBound(std::string_view words, Value bound, Value value, const Encoding* encoding,
                  ErrorText* out) {
  if (value.kind() == Kind::kNumber) {
    *out << "must be " << words << " ";
    AppendNumber(bound, out);
    *out << ", not ";
    AppendDescription(value, out);
    return;
  }
  const bool string = value.kind() == Kind::kString;
  *out << "must have " << words << " ";
  AppendNumber(bound, out);
  uint64_t count = 0;
  CountBounded(value, encoding, nullptr, &count);
  *out << (string ? " characters, not " : " elements, not ") << count;
  if (!string || value.string().empty()) return;
  *out << ": ";
  AppendQuoted(value.string(), out);
}

}  // namespace

bool MayHaveMembers(Type type) {
  return type == Type::kArray || type == Type::kObject || type == Type::kAny;
}

std::string_view TypeName(Type type) {
  if (type == Type::kMessages) return "messages";
  for (const TypeWords& words : kTypes) {
    if (words.type == type) return words.name;
  }
  return {};
}

std::string_view TypePhrase(Type type) {
  if (type == Type::kMessages) return "a list of messages";
  for (const TypeWords& words : kTypes) {
    if (words.type == type) return words.phrase;
  }
  return {};
}

bool FindType(std::string_view name, Type* type) {
  for (const TypeWords& words : kTypes) {
    if (words.name != name) continue;
    *type = words.type;
    return true;
  }
  return false;
}

bool HasType(Value value, Type type, Value values) {
  switch (type) {
    case Type::kAny:
    case Type::kMessages:  // core/chat looks at it
      return true;
    case Type::kString:
      return value.kind() == Kind::kString;
    case Type::kNumber:
      return value.kind() == Kind::kNumber;
    case Type::kInteger:
      return value.kind() == Kind::kNumber && json::NumberIsInteger(value);
    case Type::kBoolean:
      return value.kind() == Kind::kTrue || value.kind() == Kind::kFalse;
    case Type::kArray:
      return value.kind() == Kind::kArray;
    case Type::kObject:
      return value.kind() == Kind::kObject;
    case Type::kEnum:
      if (value.kind() != Kind::kString) return false;
      for (json::Cursor cursor(values); cursor.Next();) {
        if (cursor.value().string() == value.string()) return true;
      }
      return false;
  }
  return false;
}

bool CountBounded(Value value, const Encoding* encoding,
                  const volatile std::sig_atomic_t* interrupt, uint64_t* count) {
  constexpr size_t kPiece = size_t{1} << 20;
  *count = value.size();
  if (value.kind() != Kind::kString) return true;
  *count = 0;
  for (std::string_view text = value.string(); !text.empty();) {
    if (interrupt != nullptr && *interrupt != 0) return false;
    const std::string_view piece = text.substr(0, WholeCharacters(text, kPiece, encoding));
    *count += CountCharacters(piece, encoding);
    text.remove_prefix(piece.size());
  }
  return true;
}

Broken FindBroken(Value value, const Rules& rules, const volatile std::sig_atomic_t* interrupt) {
  if (!HasType(value, rules.type, rules.values)) return Broken::kType;
  if (!rules.min.missing() || !rules.max.missing()) {
    char digits[16];
    Value bounded;
    if (!Bounded(value, rules.encoding, interrupt, digits, &bounded)) return Broken::kInterrupted;
    if (!rules.min.missing() && json::CompareNumbers(bounded, rules.min) < 0) return Broken::kMin;
    if (!rules.max.missing() && json::CompareNumbers(bounded, rules.max) > 0) return Broken::kMax;
  }
  if (rules.pattern.missing()) return Broken::kNothing;
  if (rules.compiled == nullptr) return Broken::kNoPattern;
  if (value.string().size() > rules.compiled->most_bytes()) return Broken::kTooLong;
  return rules.compiled->Matches(value.string()) ? Broken::kNothing : Broken::kPattern;
}

void ExplainBroken(Broken broken, Value value, const Rules& rules, ErrorText* out) {
  switch (broken) {
    case Broken::kNothing:
    case Broken::kInterrupted:
      break;
    case Broken::kType:
      *out << "must be ";
      if (rules.type == Type::kEnum) {
        DescribeValues(rules.values, out);
      } else {
        *out << TypePhrase(rules.type);
      }
      *out << ", not ";
      AppendDescription(value, out);
      break;
    case Broken::kMin:
      ExplainBound("at least", rules.min, value, rules.encoding, out);
      break;
    case Broken::kMax:
      ExplainBound("at most", rules.max, value, rules.encoding, out);
      break;
    case Broken::kPattern:
      *out << "must match the pattern ";
      AppendQuoted(rules.pattern.string(), out);
      *out << ", not be ";
      AppendDescription(value, out);
      break;
    case Broken::kTooLong:
      *out << "must have at most " << rules.compiled->most_bytes()
           << " bytes for its pattern to be tried, not " << value.string().size();
      break;
    case Broken::kNoPattern:
      *out << "cannot be checked, its pattern is not ready";
      break;
  }
}

}  // namespace promptreg::tmpl
