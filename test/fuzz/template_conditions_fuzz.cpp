// Conditions of the fuzzer's making, each held against its value; and chains of filters, held to
// what they promise.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/template/template.h"
#include "support.h"

namespace {

using namespace promptreg;

// A variable or a literal.
struct Scalar {
  enum Type { kNull, kBool, kNumber, kString } type = kNull;
  int64_t number = 0;  // in hundredths; of a bool 0 or 1
  std::string text;    // as it is written

  bool Truthy() const { return type == kString ? !text.empty() : type != kNull && number != 0; }
};

Scalar MakeScalar(FuzzedDataProvider& data) {
  Scalar scalar;
  switch (data.ConsumeIntegralInRange<int>(0, 5)) {
    case 0:
      return scalar;
    case 1:
      scalar.type = Scalar::kBool;
      scalar.number = data.ConsumeBool() ? 1 : 0;
      return scalar;
    case 2:
    case 3: {
      scalar.type = Scalar::kNumber;
      scalar.number = data.ConsumeIntegralInRange<int>(-2000, 2000);
      const int64_t size = std::abs(scalar.number);
      scalar.text = (scalar.number < 0 ? "-" : "") + std::to_string(size / 100);
      // 5 and 5.00 are the same number.
      if (size % 100 != 0 || data.ConsumeBool()) {
        scalar.text += "." + std::to_string(size % 100 / 10) + std::to_string(size % 10);
      }
      return scalar;
    }
    default:
      scalar.type = Scalar::kString;
      for (int i = data.ConsumeIntegralInRange<int>(0, 3); i > 0; --i) {
        scalar.text += "ab0 "[data.ConsumeIntegralInRange<int>(0, 3)];
      }
      return scalar;
  }
}

std::string Written(const Scalar& scalar) {
  switch (scalar.type) {
    case Scalar::kNull:
      return "null";
    case Scalar::kBool:
      return scalar.number != 0 ? "true" : "false";
    case Scalar::kNumber:
      return scalar.text;
    default:
      return "\"" + scalar.text + "\"";
  }
}

constexpr const char* kNames[] = {"a", "b", "c", "d"};

class Conditions {
 public:
  explicit Conditions(FuzzedDataProvider* data) : data_(*data) {
    for (Scalar& variable : variables_) variable = MakeScalar(data_);
  }

  // A condition's text, and its value.
  std::string Make(int depth, bool* value) {
    switch (depth > 0 ? data_.ConsumeIntegralInRange<int>(0, 4) : 0) {
      case 1:
      case 2: {
        const bool all = data_.ConsumeBool();
        *value = all;
        std::string text = "(";
        for (int i = data_.ConsumeIntegralInRange<int>(1, 3); i > 0; --i) {
          bool part;
          text += Make(depth - 1, &part);
          if (i > 1) text += all ? " and " : " or ";
          *value = all ? *value && part : *value || part;
        }
        return text + ")";
      }
      case 3: {
        const std::string text = "not " + Make(depth - 1, value);
        *value = !*value;
        return text;
      }
      default:
        return Comparison(value);
    }
  }

  void AddVariables(json::Builder* builder) const {
    builder->BeginObject();
    for (size_t i = 0; i < std::size(kNames); ++i) {
      const Scalar& variable = variables_[i];
      builder->Key(kNames[i]);
      if (variable.type == Scalar::kNull) builder->Null();
      if (variable.type == Scalar::kBool) builder->Bool(variable.number != 0);
      if (variable.type == Scalar::kNumber) builder->Number(variable.text);
      if (variable.type == Scalar::kString) builder->String(variable.text);
    }
    builder->EndObject();
  }

 private:
  std::string Operand(Scalar* scalar) {
    const auto which = data_.ConsumeIntegralInRange<size_t>(0, std::size(kNames));
    *scalar = which < std::size(kNames) ? variables_[which] : MakeScalar(data_);
    return which < std::size(kNames) ? kNames[which] : Written(*scalar);
  }

  std::string Comparison(bool* value) {
    static constexpr const char* kSigns[] = {"", "==", "!=", "<", "<=", ">", ">="};
    Scalar left, right;
    const std::string text = Operand(&left);
    const int sign = data_.ConsumeIntegralInRange<int>(0, 6);
    if (sign == 0) {
      *value = left.Truthy();
      return text;
    }
    const std::string other = Operand(&right);
    const bool same = left.type == right.type;
    const bool ordered = same && (left.type == Scalar::kNumber || left.type == Scalar::kString);
    const bool strings = left.type == Scalar::kString;
    const int order = strings ? left.text.compare(right.text)
                              : static_cast<int>(left.number > right.number) -
                                    static_cast<int>(left.number < right.number);
    const bool equal = same && order == 0;
    const bool values[] = {false,
                           equal,
                           !equal,
                           ordered && order < 0,
                           ordered && order <= 0,
                           ordered && order > 0,
                           ordered && order >= 0};
    *value = values[sign];
    return text + " " + kSigns[sign] + " " + other;
  }

  FuzzedDataProvider& data_;
  Scalar variables_[std::size(kNames)];
};

// A compiled text rendered with variables; false: an error, which is checked.
bool Render(const std::string& text, const std::string& variables, std::string* output,
            tmpl::Code* code) {
  const std::string_view parts[] = {text};
  tmpl::Source source;
  source.parts = parts;
  std::string program;
  tmpl::Error error;
  tmpl::RenderOptions options;
  options.limits = fuzz::SmallLimits();
  if (!tmpl::Compile(source, options.limits, &program, &error)) {
    fuzz::CheckError(error);
    *code = error.code;
    return false;
  }
  static tmpl::Scratch* const scratch = tmpl::NewScratch();
  std::string_view rendered;
  const tmpl::ProgramView view(program.data());
  *code = tmpl::Bind(view, json::Value::FromContainer(variables.data()), true, options, scratch,
                     &error);
  if (*code == tmpl::Code::kOk) {
    *code = tmpl::Render(view, 0, options, scratch, &rendered, &error);
  }
  if (*code != tmpl::Code::kOk) {
    fuzz::CheckError(error);
    return false;
  }
  *output = rendered;
  fuzz::Require(fuzz::IsUtf8(*output));
  return true;
}

void TryConditions(FuzzedDataProvider& data) {
  Conditions conditions(&data);
  std::string text, expected;
  for (int i = data.ConsumeIntegralInRange<int>(1, 3); i > 0; --i) {
    bool first, second;
    text += "{{#if " + conditions.Make(3, &first) + "}}1{{else if " + conditions.Make(2, &second) +
            "}}2{{else}}3{{/if}}{{#unless ";
    bool third;
    text += conditions.Make(2, &third) + "}}4{{/unless}}";
    expected += first ? "1" : second ? "2" : "3";
    expected += third ? "" : "4";
  }
  json::Builder builder;
  conditions.AddVariables(&builder);
  std::string output;
  tmpl::Code code;
  if (Render(text, builder.Finish(), &output, &code)) {
    fuzz::Require(output == expected);
  } else {
    fuzz::Require(code == tmpl::Code::kProgramTooLarge || code == tmpl::Code::kNestingTooDeep);
  }
}

std::string Argument(FuzzedDataProvider& data) {
  std::string written = "\"";
  for (const char c : fuzz::Text(data.ConsumeRandomLengthString(12))) {
    if (c == '"' || c == '\\') written += '\\';
    written += c;
  }
  return written + "\"";
}

std::string Filter(FuzzedDataProvider& data) {
  static constexpr const char* kPlain[] = {"json",   "xml",   "html", "trim",  "upper",  "lower",
                                           "length", "first", "last", "fence", "present"};
  switch (data.ConsumeIntegralInRange<int>(0, 7)) {
    case 0:
      return "default(" + Argument(data) + ")";
    case 1:
      return "join(" + Argument(data) + ")";
    case 2: {
      static constexpr const char* kCounting[] = {"truncate", "limit", "indent", "json"};
      const auto which = data.ConsumeIntegralInRange<size_t>(0, std::size(kCounting) - 1);
      return std::string(kCounting[which]) + "(" +
             std::to_string(data.ConsumeIntegralInRange<int>(0, 20)) + ")";
    }
    case 3:
      return "date(" + Argument(data) + ", \"+05:30\")";
    default:
      return kPlain[data.ConsumeIntegralInRange<size_t>(0, std::size(kPlain) - 1)];
  }
}

void TryFilters(FuzzedDataProvider& data) {
  std::string chain = "x";
  for (int i = data.ConsumeIntegralInRange<int>(0, 4); i > 0; --i) chain += " | " + Filter(data);
  json::Builder builder;
  builder.BeginObject();
  builder.Key("x");
  fuzz::AddValue(data, 4, &builder);
  builder.EndObject();
  const std::string variables = builder.Finish();
  std::string output, again;
  tmpl::Code code;
  if (!Render("{{" + chain + "}}", variables, &output, &code)) return;
  const auto render = [&](const std::string& filters) {
    return Render("{{" + chain + filters + "}}", variables, &again, &code);
  };
  if (render(" | xml")) fuzz::Require(again.find_first_of("<>\"'") == std::string::npos);
  if (render(" | html")) fuzz::Require(again.find_first_of("<>\"") == std::string::npos);
  if (render(" | trim")) fuzz::Require(output.find(again) != std::string::npos);
  if (render(" | truncate(7)")) {
    const auto characters = std::count_if(again.begin(), again.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    });
    fuzz::Require(characters <= 7);
  }
  if (render(" | fence") && !output.empty()) {
    fuzz::Require(again.starts_with("```") && again.ends_with("```"));
  }
  if (render(" | present")) fuzz::Require(again == "true" || again == "false");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  if (data.ConsumeBool()) {
    TryConditions(data);
  } else {
    TryFilters(data);
  }
  return 0;
}
