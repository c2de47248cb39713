// The parameters of a version, as one provider takes them one by one. What none of its conversions
// has taken is a problem in the end.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.h"
#include "core/request/problem_list.h"

namespace promptreg::request {

class Params {
 public:
  Params(const Input& input, Provider provider, ProblemList* problems);

  // The value of a parameter; missing also if it is null, or if the provider's own section decides
  // on it.
  json::Value Take(std::string_view name);

  // Parameters that say nothing while they are 0, false or empty, and that the provider lacks.
  void TakeOff(std::initializer_list<std::string_view> names);

  // What is under the provider's name: an object, or missing.
  json::Value section() const { return section_; }

  // A problem for each parameter that was not taken.
  void RefuseRest();

  // "params.NAME: MESSAGE"
  void Refuse(std::string_view name, std::string_view message);

  std::string_view provider() const { return provider_; }

 private:
  const json::Value params_;
  const std::string_view provider_;
  ProblemList* const problems_;
  json::Value section_;
  std::vector<std::string_view> taken_;
};

// Whether a key of the parameters is a provider's section.
bool IsSection(std::string_view key);

}  // namespace promptreg::request
