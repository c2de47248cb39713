// The part of YAML that says what JSON can: mappings with texts as keys, lists and scalars. Scalars
// mean what YAML 1.2 says. Aliases and tags are refused, depth is bounded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/builder.h"
#include "core/json/value.h"

namespace promptreg::imports {

struct Yaml {
  struct Key {
    std::string text;
    size_t position = 0;
  };

  json::Kind kind = json::Kind::kNull;
  std::string text;         // of a string; of a number its text in JSON's syntax
  size_t position = 0;      // in the text that it was read from
  std::vector<Key> keys;    // of an object
  std::vector<Yaml> items;  // of an array; of an object its values

  bool Is(json::Kind other) const { return kind == other; }
  bool IsText(std::string_view other) const { return kind == json::Kind::kString && text == other; }
  const Yaml* Find(std::string_view key) const;  // nullptr: there is none
};

// Why a text is no YAML that is taken.
struct YamlProblem {
  size_t position = 0;
  std::string message;
};

// Reads text[begin, end), one document. Positions count from the start of the text. False: *problem
// says why.
bool ReadYaml(std::string_view text, size_t begin, size_t end, Yaml* root, YamlProblem* problem);

// The value as JSON has it.
void AddYaml(const Yaml& value, json::Builder* builder);

}  // namespace promptreg::imports
