#include "core/request/params.h"

#include <algorithm>

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

}  // namespace promptreg::request
