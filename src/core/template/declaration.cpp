#include "core/template/declaration.h"

#include <unordered_set>
#include <utility>

#include "core/json/builder.h"
#include "core/json/numeric.h"
#include "core/json/write.h"
#include "core/template/error_text.h"
#include "core/template/parser.h"
#include "core/template/pattern.h"

namespace promptreg::tmpl {
namespace {

using json::Kind;
using json::Value;

constexpr size_t kMostDeclarations = 10'000;

constexpr std::string_view kKeys[] = {"name",        "type",    "required", "nullable", "default",
                                      "values",      "pattern", "min",      "max",      "filter",
                                      "description", "example", "trusted",  "coerce"};
constexpr std::string_view kKeysHint =
    "A variable has name, type, required, nullable, default, values, pattern, min, max, filter, "
    "description, example, trusted, coerce.";
constexpr std::string_view kTypesHint =
    "Types are string, number, integer, boolean, array, object, enum, any.";

// Collects what a declaration says, and stops at the first thing that is wrong with it.
class Reader {
 public:
  Reader(const ReadOptions& options, std::vector<Declaration>* declarations, Error* error)
      : options_(options), declarations_(declarations), error_(error) {}

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
      declarations_->push_back(std::move(declaration));
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
    Value description;
    return Text(*declaration, "description", &description) && ReadType(declaration) &&
           Flag(*declaration, "required", &declaration->required) &&
           Flag(*declaration, "nullable", &declaration->nullable) &&
           Flag(*declaration, "trusted", &declaration->trusted) && ReadCoerce(declaration) &&
           ReadValues(declaration) && ReadBounds(declaration) && ReadPattern(declaration) &&
           ReadFilter(declaration) && ReadDefault(declaration);
  }

  bool Text(const Declaration& declaration, std::string_view key, Value* text) {
    const Value value = declaration.source.Find(key);
    if (value.missing() || value.kind() == Kind::kString) {
      *text = value;
      return true;
    }
    ErrorText message = Fail(declaration);
    message << key << " must be a string, not ";
    AppendDescription(value, &message);
    return false;
  }

  bool ReadType(Declaration* declaration) {
    const Value type = declaration->source.Find("type");
    if (type.missing()) return true;
    if (type.kind() == Kind::kString && FindType(type.string(), &declaration->rules.type)) {
      return true;
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

  bool ReadCoerce(Declaration* declaration) {
    if (!Flag(*declaration, "coerce", &declaration->coerce)) return false;
    const Type type = declaration->rules.type;
    if (!declaration->coerce ||
        (type != Type::kArray && type != Type::kObject && type != Type::kAny))
      return true;
    Fail(*declaration) << "nothing is coerced into " << TypePhrase(type);
    return false;
  }

  bool ReadValues(Declaration* declaration) {
    const Value values = declaration->source.Find("values");
    if (declaration->rules.type != Type::kEnum) {
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
    declaration->rules.values = values;
    return true;
  }

  bool ReadBounds(Declaration* declaration) {
    Rules& rules = declaration->rules;
    if (!ReadBound(*declaration, "min", &rules.min) || !ReadBound(*declaration, "max", &rules.max))
      return false;
    if (rules.min.missing() || rules.max.missing() ||
        json::CompareNumbers(rules.min, rules.max) <= 0)
      return true;
    Fail(*declaration) << "min is greater than max";
    return false;
  }

  bool ReadBound(const Declaration& declaration, std::string_view key, Value* bound) {
    *bound = declaration.source.Find(key);
    if (bound->missing()) return true;
    const Type type = declaration.rules.type;
    const bool counted = type == Type::kString || type == Type::kArray;
    if (!counted && type != Type::kNumber && type != Type::kInteger) {
      Fail(declaration) << key << " is for numbers, integers, strings and arrays";
      return false;
    }
    char zero[16];
    const auto length = static_cast<uint32_t>(json::MakeInteger(0, zero));
    if (bound->kind() == Kind::kNumber &&
        (!counted ||
         (json::NumberIsInteger(*bound) &&
          json::CompareNumbers(*bound, Value::Make(Kind::kNumber, zero, length)) >= 0))) {
      return true;
    }
    ErrorText message = Fail(declaration);
    message << key << " must be "
            << (!counted                ? "a number"
                : type == Type::kString ? "a number of characters"
                                        : "a number of elements")
            << ", not ";
    AppendDescription(*bound, &message);
    return false;
  }

  bool ReadPattern(Declaration* declaration) {
    Rules& rules = declaration->rules;
    if (!Text(*declaration, "pattern", &rules.pattern)) return false;
    if (rules.pattern.missing()) return true;
    if (rules.type != Type::kString) {
      Fail(*declaration) << "a pattern is for the type string alone";
      return false;
    }
    return options_.checked || CompilePattern(declaration);
  }

  bool CompilePattern(Declaration* declaration) {
    if (options_.interrupt != nullptr && *options_.interrupt != 0) {
      error_->code = Code::kInterrupted;
      return false;
    }
    std::string problem;
    Rules& rules = declaration->rules;
    rules.compiled = patterns_.Add(rules.pattern.string(), &problem);
    if (rules.compiled == nullptr) {
      Fail(*declaration) << "invalid pattern: " << problem;
      ErrorText(error_->hint) << "Patterns are regular expressions in the syntax of RE2. Long "
                                 "lengths are for min and max, not for {1,900}.";
      return false;
    }
    if (patterns_.instructions() <= kMostInstructions) return true;
    Fail() << "the patterns of the variables compile to more than " << kMostInstructions
           << " instructions";
    error_->code = Code::kPatternsTooLarge;
    ErrorText(error_->hint) << "What takes most are repeated classes of Unicode, such as "
                               "(\\pL\\pN){1,3}. Equal patterns count once.";
    return false;
  }

  bool ReadFilter(Declaration* declaration) {
    Value filter;
    if (!Text(*declaration, "filter", &filter)) return false;
    if (filter.missing()) return true;
    Ast ast;
    Fault fault;
    if (ParseFilters(filter.string(), &ast, &fault)) {
      declaration->filters = std::move(ast.filters);
      return true;
    }
    ErrorText message = Fail(*declaration);
    message << "invalid filter ";
    AppendQuoted(filter.string(), &message);
    message << ": " << fault.message;
    ErrorText(error_->hint) << fault.hint;
    return false;
  }

  // The pattern is only ready while its own declaration is read.
  bool ReadDefault(Declaration* declaration) {
    if (options_.checked) {
      declaration->default_value = declaration->source.Find("default");
      return true;
    }
    const bool valid = CheckValue(*declaration, "default", &declaration->default_value);
    Value example;
    const bool both = valid && CheckValue(*declaration, "example", &example);
    declaration->rules.compiled = nullptr;
    return both;
  }

  bool CheckValue(const Declaration& declaration, std::string_view key, Value* value) {
    *value = declaration.source.Find(key);
    if (value->missing()) return true;
    const bool null = value->kind() == Kind::kNull;
    if (null && declaration.nullable) return true;
    Rules rules = declaration.rules;
    rules.encoding = options_.encoding;
    const Broken broken = null ? Broken::kType : FindBroken(*value, rules, nullptr);
    if (broken == Broken::kNothing) return true;
    ErrorText message = Fail(declaration);
    message << key << " ";
    ExplainBroken(broken, *value, rules, &message);
    return false;
  }

  const ReadOptions& options_;
  std::vector<Declaration>* declarations_;
  Error* error_;
  std::unordered_set<std::string_view> names_;
  PatternSet patterns_;
};

}  // namespace

bool SameRules(const Declaration& left, const Declaration& right) {
  constexpr uint32_t kDeepest = 1000;
  const auto rules = [](Value source, std::string* text) {
    for (json::Cursor cursor(source); cursor.Next();) {
      if (cursor.key() == "description" || cursor.key() == "example") continue;
      *text += cursor.key();
      *text += ' ';
      if (!json::AppendCompact(cursor.value(), kDeepest, text)) return false;
      *text += '\n';
    }
    return true;
  };
  std::string ours, theirs;
  return rules(left.source, &ours) && rules(right.source, &theirs) && ours == theirs;
}

bool ReadDeclarations(Value given, const ReadOptions& options,
                      std::vector<Declaration>* declarations, Error* error) {
  declarations->clear();
  return Reader(options, declarations, error).Read(given);
}

bool NormalizeDeclarations(Value declarations, const Encoding* encoding,
                           const volatile std::sig_atomic_t* interrupt,
                           std::string* jsonb_container, Error* error) {
  const ReadOptions options = {.encoding = encoding, .checked = false, .interrupt = interrupt};
  std::vector<Declaration> read;
  if (!ReadDeclarations(declarations, options, &read, error)) return false;
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
