// What a front matter's schemas say of values: Picoschema, or the part of JSON Schema that
// declarations of variables have words for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/import/yaml.h"
#include "core/json/builder.h"

namespace promptreg::imports {

struct Shape {
  struct Member;

  enum class Type : uint8_t {
    kAny,
    kNull,
    kString,
    kNumber,
    kInteger,
    kBoolean,
    kArray,
    kObject,
    kEnum
  };
  Type type = Type::kAny;
  bool nullable = false;
  std::string description;
  std::vector<const Yaml*> values;  // of an enum
  std::vector<Shape> element;       // of an array: one, or none where it may be anything
  std::vector<Member> members;      // of an object
  std::vector<Shape> others;        // of an object: one, what members that it does not name are
  const Yaml* min = nullptr;        // of declarations
  const Yaml* max = nullptr;
  const Yaml* default_value = nullptr;

  bool Is(Type other) const { return type == other; }
  // Of an object:
  void Add(Member member);
  Shape* Named(std::string_view name);  // of the members it names; nullptr: there is none
  const Shape* Named(std::string_view name) const;
  const Shape* Find(std::string_view name) const;  // the same, or what others are

 private:
  std::unordered_map<std::string, size_t> index_;  // of the members
};

struct Shape::Member {
  std::string name;
  bool required = false;
  Shape shape;
};

// What is wrong with a schema.
struct SchemaProblem {
  size_t position = 0;
  std::string message;
  std::string hint;
};

// Whether a schema is JSON Schema; otherwise it is Picoschema.
bool IsJsonSchema(const Yaml& schema);

// The schema must outlive the shape. False: *problem says why.
bool ReadPicoschema(const Yaml& schema, Shape* shape, SchemaProblem* problem);
bool ReadJsonSchema(const Yaml& schema, Shape* shape, SchemaProblem* problem);

// A shape that was read from Picoschema, as JSON Schema.
void AddJsonSchema(const Shape& shape, json::Builder* builder);

}  // namespace promptreg::imports
