#include "core/template/declaration.h"

#include <iterator>
#include <unordered_set>

#include "core/json/builder.h"
#include "core/json/numeric.h"
#include "core/template/error_text.h"
#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

using json::Kind;
using json::Value;

constexpr size_t kMostDeclarations = 10'000;

struct TypeWords {
  Type type;
  std::string_view name, phrase;
};
constexpr TypeWords kTypes[] = {
    {Type::kString, "string", "a string"},     {Type::kNumber, "number", "a number"},
    {Type::kInteger, "integer", "an integer"}, {Type::kBoolean, "boolean", "true or false"},
    {Type::kArray, "array", "an array"},       {Type::kObject, "object", "an object"},
    {Type::kEnum, "enum", "one of its values"}};

constexpr std::string_view kKeys[] = {"name",    "type",   "required",   "nullable",
                                      "default", "values", "description"};
constexpr std::string_view kKeysHint =
    "A variable has name, type, required, nullable, default, values, description.";
constexpr std::string_view kTypesHint =
    "Types are string, number, integer, boolean, array, object, enum.";

// Collects what a declaration says, and stops at the first thing that is wrong with it.
class Reader {
 public:
  Reader(std::vector<Declaration>* declarations, Error* error)
      : declarations_(declarations), error_(error) {}

  bool Read(Value given) {
    if (given.kind() != Kind::kArray && given.kind() != Kind::kObject) {
      ErrorText message = Fail();
      message << "declarations must be an array of objects or an object, not ";
      AppendDescription(given, &message);
      return false;
    }
    if (given.size() > kMostDeclarations) {
      Fail() << "more than " << kMostDeclarations << " declarations";
      return false;
    }
    uint64_t number = 0;
    for (json::Cursor cursor(given); cursor.Next();) {
      ++number;
      if (cursor.value().kind() != Kind::kObject) {
        ErrorText message = Fail();
        message << "declaration ";
        if (cursor.object()) {
          AppendQuoted(cursor.key(), &message);
        } else {
          message << number;
        }
        message << " must be an object, not ";
        AppendDescription(cursor.value(), &message);
        ErrorText(error_->hint) << kKeysHint;
        return false;
      }
      Declaration declaration;
      declaration.source = cursor.value();
      if (!ReadName(cursor, number, &declaration) || !ReadKeys(&declaration)) return false;
      declarations_->push_back(declaration);
    }
    return true;
  }

 private:
  ErrorText Fail() {
    error_->code = Code::kInvalidDeclaration;
    return ErrorText(error_->message);
  }

  ErrorText Fail(const Declaration& declaration) {
    ErrorText message = Fail();
    message << "variable ";
    AppendQuoted(declaration.name, &message);
    message << ": ";
    return message;
  }

  bool ReadName(const json::Cursor& cursor, uint64_t number, Declaration* declaration) {
    const Value name = declaration->source.Find("name");
    if (name.kind() == Kind::kString) {
      declaration->name = name.string();
      if (cursor.object() && name.string() != cursor.key()) {
        ErrorText message = Fail();
        message << "declaration ";
        AppendQuoted(cursor.key(), &message);
        message << " has the other name ";
        AppendQuoted(name.string(), &message);
        return false;
      }
    } else if (name.missing() && cursor.object()) {
      declaration->name = cursor.key();
    } else {
      ErrorText message = Fail();
      message << "declaration " << number;
      if (name.missing()) {
        message << " has no name";
      } else {
        message << ": name must be a string, not ";
        AppendDescription(name, &message);
      }
      ErrorText(error_->hint) << kKeysHint;
      return false;
    }
    const std::string_view problem = NameProblem(declaration->name);
    if (!problem.empty()) {
      ErrorText message = Fail();
      message << "invalid name ";
      AppendQuoted(declaration->name, &message);
      message << " of a variable: " << problem;
      return false;
    }
    if (!names_.insert(declaration->name).second) {
      ErrorText message = Fail();
      message << "variable ";
      AppendQuoted(declaration->name, &message);
      message << " is declared twice";
      return false;
    }
    return true;
  }

  bool Flag(const Declaration& declaration, std::string_view key, bool* flag) {
    const Value value = declaration.source.Find(key);
    if (value.missing()) return true;
    if (value.kind() != Kind::kTrue && value.kind() != Kind::kFalse) {
      ErrorText message = Fail(declaration);
      message << key << " must be true or false, not ";
      AppendDescription(value, &message);
      return false;
    }
    *flag = value.kind() == Kind::kTrue;
    return true;
  }

  bool ReadKeys(Declaration* declaration) {
    for (json::Cursor cursor(declaration->source); cursor.Next();) {
      bool known = false;
      for (const std::string_view key : kKeys) known = known || key == cursor.key();
      if (known) continue;
      ErrorText message = Fail(*declaration);
      message << "unknown key ";
      AppendQuoted(cursor.key(), &message);
      ErrorText(error_->hint) << kKeysHint;
      return false;
    }
    const Value description = declaration->source.Find("description");
    if (!description.missing() && description.kind() != Kind::kString) {
      ErrorText message = Fail(*declaration);
      message << "description must be a string, not ";
      AppendDescription(description, &message);
      return false;
    }
    return ReadType(declaration) && Flag(*declaration, "required", &declaration->required) &&
           Flag(*declaration, "nullable", &declaration->nullable) && ReadValues(declaration) &&
           ReadDefault(declaration);
  }

  bool ReadType(Declaration* declaration) {
    const Value type = declaration->source.Find("type");
    if (type.missing()) return true;
    if (type.kind() == Kind::kString) {
      for (const TypeWords& words : kTypes) {
        if (type.string() == words.name) {
          declaration->type = words.type;
          return true;
        }
      }
    }
    ErrorText message = Fail(*declaration);
    message << "unknown type ";
    if (type.kind() == Kind::kString) {
      AppendQuoted(type.string(), &message);
    } else {
      AppendDescription(type, &message);
    }
    ErrorText(error_->hint) << kTypesHint;
    return false;
  }

  bool ReadValues(Declaration* declaration) {
    const Value values = declaration->source.Find("values");
    if (declaration->type != Type::kEnum) {
      if (values.missing()) return true;
      Fail(*declaration) << "values are for the type enum alone";
      return false;
    }
    bool valid = values.kind() == Kind::kArray && values.size() > 0;
    std::unordered_set<std::string_view> seen;
    for (json::Cursor cursor(values); valid && cursor.Next();) {
      valid = cursor.value().kind() == Kind::kString && seen.insert(cursor.value().string()).second;
    }
    if (!valid) {
      Fail(*declaration) << "values of an enum must be an array of one or more different strings";
      return false;
    }
    declaration->values = values;
    return true;
  }

  bool ReadDefault(Declaration* declaration) {
    const Value value = declaration->source.Find("default");
    if (value.missing()) return true;
    const bool valid = value.kind() == Kind::kNull
                           ? declaration->nullable
                           : HasType(value, declaration->type, declaration->values);
    if (!valid) {
      ErrorText message = Fail(*declaration);
      message << "default must be " << TypePhrase(declaration->type) << ", not ";
      AppendDescription(value, &message);
      return false;
    }
    declaration->default_value = value;
    return true;
  }

  std::vector<Declaration>* declarations_;
  Error* error_;
  std::unordered_set<std::string_view> names_;
};

}  // namespace

std::string_view TypeName(Type type) {
  if (type == Type::kMessages) return "messages";
  for (const TypeWords& words : kTypes) {
    if (words.type == type) return words.name;
  }
  return "any";
}

std::string_view TypePhrase(Type type) {
  if (type == Type::kMessages) return "a list of messages";
  for (const TypeWords& words : kTypes) {
    if (words.type == type) return words.phrase;
  }
  return "any value";
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

bool ReadDeclarations(Value given, std::vector<Declaration>* declarations, Error* error) {
  declarations->clear();
  return Reader(declarations, error).Read(given);
}

bool NormalizeDeclarations(Value declarations, std::string* jsonb_container, Error* error) {
  std::vector<Declaration> read;
  if (!ReadDeclarations(declarations, &read, error)) return false;
  json::Builder builder;
  builder.BeginArray();
  for (const Declaration& declaration : read) {
    builder.BeginObject();
    for (json::Cursor cursor(declaration.source); cursor.Next();) {
      builder.Key(cursor.key());
      builder.Add(cursor.value());
    }
    builder.Key("name");
    builder.String(declaration.name);
    builder.EndObject();
  }
  builder.EndArray();
  *jsonb_container = builder.Finish();
  return true;
}

}  // namespace promptreg::tmpl
