#include "core/request/params.h"

#include <algorithm>

#include "core/json/builder.h"
#include "core/json/numeric.h"

namespace promptreg::request {

using json::Kind;
using json::Value;

bool IsSection(std::string_view key) {
  Provider provider;
  return FindProvider(key, &provider);
}

Params::Params(const Input& input, Provider provider, ProblemList* problems)
    : params_(input.params), provider_(ProviderName(provider)), problems_(problems) {
  const Value section = params_.Find(provider_);
  if (section.missing() || section.kind() == Kind::kNull) return;
  if (section.kind() == Kind::kObject) {
    section_ = section;
  } else {
    Refuse(provider_, "it must be an object of parameters for this provider alone");
  }
}

Value Params::Take(std::string_view name) {
  taken_.push_back(name);
  const Value value = params_.Find(name);
  if (value.kind() == Kind::kNull || !section_.Find(name).missing()) return {};
  return value;
}

namespace {

bool IsWhole(Value value) {
  return value.kind() == Kind::kNumber && json::NumberIsInteger(value);
}

bool AreTexts(Value value) {
  if (value.kind() != Kind::kArray) return value.kind() == Kind::kString;
  for (json::Cursor cursor(value); cursor.Next();) {
    if (cursor.value().kind() != Kind::kString) return false;
  }
  return true;
}

// Empty: it is.
std::string_view TypeProblem(Value value, ParamType type) {
  const bool number = value.kind() == Kind::kNumber;
  switch (type) {
    case ParamType::kText:
      return value.kind() == Kind::kString ? "" : "it must be a text";
    case ParamType::kTexts:
      return AreTexts(value) ? "" : "it must be a text or a list of texts";
    case ParamType::kNumber:
      return number ? "" : "it must be a number";
    case ParamType::kPart:
      return number && Compare(value, "0") >= 0 && Compare(value, "1") <= 0
                 ? ""
                 : "it must be a number from 0 to 1";
    case ParamType::kAmount:
      return number && Compare(value, "0") >= 0 ? "" : "it must be a number, and not negative";
    case ParamType::kInteger:
      return IsWhole(value) ? "" : "it must be a whole number";
    case ParamType::kCount:
      return IsWhole(value) && Compare(value, "0") >= 0
                 ? ""
                 : "it must be a whole number, and not negative";
    case ParamType::kPositive:
      return IsWhole(value) && Compare(value, "1") >= 0 ? ""
                                                        : "it must be a whole number from 1 on";
    case ParamType::kBoolean:
      return value.kind() == Kind::kTrue || value.kind() == Kind::kFalse
                 ? ""
                 : "it must be true or false";
    case ParamType::kObject:
      return value.kind() == Kind::kObject ? "" : "it must be an object";
    case ParamType::kArray:
      return value.kind() == Kind::kArray ? "" : "it must be a list";
  }
  return "";
}

}  // namespace

Value Params::Take(std::string_view name, ParamType type) {
  const Value value = Take(name);
  if (value.missing()) return value;
  const std::string_view problem = TypeProblem(value, type);
  if (!problem.empty()) Refuse(name, problem);
  return value;
}

void Params::TakeOff(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const Value value = Take(name);
    const bool empty = value.kind() == Kind::kObject && value.size() == 0;
    if (value.Truthy() && !empty) Refuse(name, "there is no such parameter");
  }
}

void Params::RefuseRest() {
  for (json::Cursor cursor(params_); cursor.Next();) {
    const std::string_view key = cursor.key();
    if (IsSection(key) || std::find(taken_.begin(), taken_.end(), key) != taken_.end()) continue;
    if (!Take(key).missing()) Refuse(key, "there is no such parameter");
  }
}

void Params::Refuse(std::string_view name, std::string_view message) {
  problems_->Add("params." + std::string(name) + ": " + std::string(message));
}

int Compare(Value number, std::string_view bound) {
  json::Builder builder;
  builder.Number(bound);
  const std::string container = builder.Finish();
  return json::CompareNumbers(number, Value::FromContainer(container.data()));
}

}  // namespace promptreg::request
