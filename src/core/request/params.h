// The parameters of a version, as one provider takes them one by one. What none of its conversions
// has taken is a problem in the end.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.h"
#include "core/request/problem_list.h"

namespace promptreg::request {

// What a value must be for a provider to make sense of it.
enum class ParamType : uint8_t {
  kText,
  kTexts,  // one, or a list of them
  kNumber,
  kPart,    // a number from 0 to 1
  kAmount,  // a number that is not negative
  kInteger,
  kCount,     // a whole number, not negative
  kPositive,  // a whole number from 1 on
  kBoolean,
  kObject,
  kArray,
};

class Params {
 public:
  Params(const Input& input, Provider provider, ProblemList* problems);

  // The value of a parameter; missing also if it is null, or if the provider's own section decides
  // on it.
  json::Value Take(std::string_view name);

  // The same, with a problem if it is of another type.
  json::Value Take(std::string_view name, ParamType type);

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

// Compares a number with another, in the digits of JSON.
int Compare(json::Value number, std::string_view bound);

// A function that a model may call. What is not given is missing.
struct Function {
  json::Value tool;  // the whole
  json::Value name, description, parameters, strict;
};

// The functions of the parameter tools. What is none is a problem.
std::vector<Function> TakeFunctions(Params* params);

// The schema of a response_format of type json_schema. Missing: there is none, which is a problem.
json::Value SchemaOf(json::Value format, Params* params);

// Whether a key of the parameters is a provider's section.
bool IsSection(std::string_view key);

}  // namespace promptreg::request
