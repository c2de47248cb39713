#include "core/import/shape.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/template/parser.h"

namespace promptreg::imports {

using json::Kind;

namespace {

struct TypeWord {
  Shape::Type type;
  std::string_view name;
};
constexpr TypeWord kTypes[] = {
    {Shape::Type::kString, "string"},   {Shape::Type::kNumber, "number"},
    {Shape::Type::kInteger, "integer"}, {Shape::Type::kBoolean, "boolean"},
    {Shape::Type::kArray, "array"},     {Shape::Type::kObject, "object"},
    {Shape::Type::kNull, "null"},
};
constexpr std::string_view kScalars =
    "Types are string, number, integer, boolean and any; (array), (object) and (enum) behind a "
    "name.";

bool FindType(std::string_view name, Shape::Type* type) {
  for (const TypeWord& word : kTypes) {
    if (word.name != name) continue;
    *type = word.type;
    return true;
  }
  return false;
}

bool Fail(size_t position, std::string message, std::string_view hint, SchemaProblem* problem) {
  *problem = {.position = position, .message = std::move(message), .hint = std::string(hint)};
  return false;
}

// What stands before the first comma, and what after it without the blanks that follow.
void SplitDescription(std::string_view text, std::string_view* type, std::string* description) {
  const size_t comma = text.find(',');
  *type = text.substr(0, comma);
  if (comma == std::string_view::npos) return;
  const size_t from = text.find_first_not_of(' ', comma + 1);
  *description = from == std::string_view::npos ? "" : text.substr(from);
}

// A key of Picoschema: name?(type, description)
struct PicoKey {
  std::string_view name, type;
  bool optional = false;
  std::string description;
};

PicoKey ReadKey(std::string_view key) {
  PicoKey read;
  const size_t open = key.find('(');
  read.name = key.substr(0, open);
  read.optional = read.name.ends_with('?');
  if (read.optional) read.name.remove_suffix(1);
  if (open == std::string_view::npos) return read;
  std::string_view inner = key.substr(open + 1);
  if (inner.ends_with(')')) inner.remove_suffix(1);
  SplitDescription(inner, &read.type, &read.description);
  return read;
}

bool ReadEnum(const Yaml& values, Shape* shape, SchemaProblem* problem) {
  if (!values.Is(Kind::kArray) || values.items.empty()) {
    return Fail(values.position, "an enum without a list of values", {}, problem);
  }
  shape->type = Shape::Type::kEnum;
  for (const Yaml& value : values.items) {
    if (value.Is(Kind::kNull)) {
      shape->nullable = true;
    } else {
      shape->values.push_back(&value);
    }
  }
  return true;
}

bool ReadScalar(const Yaml& schema, Shape* shape, SchemaProblem* problem) {
  std::string_view type;
  SplitDescription(schema.text, &type, &shape->description);
  if (type == "any") return true;
  if (FindType(type, &shape->type) && !shape->Is(Shape::Type::kArray) &&
      !shape->Is(Shape::Type::kObject)) {
    return true;
  }
  return Fail(schema.position, "unknown type " + tmpl::QuoteTag(type), kScalars, problem);
}

bool ReadMember(const Yaml::Key& key, const Yaml& value, Shape* object, SchemaProblem* problem) {
  const PicoKey read = ReadKey(key.text);
  Shape::Member member = {.name = std::string(read.name), .required = !read.optional, .shape = {}};
  if (object->Named(read.name) != nullptr) {
    return Fail(key.position, "a property for the second time", {}, problem);
  }
  bool valid = false;
  if (read.type.empty() || read.type == "object") {
    valid = ReadPicoschema(value, &member.shape, problem);
  } else if (read.type == "array") {
    member.shape.type = Shape::Type::kArray;
    valid = ReadPicoschema(value, &member.shape.element.emplace_back(), problem);
  } else if (read.type == "enum") {
    valid = ReadEnum(value, &member.shape, problem);
  } else {
    return Fail(key.position, "unknown type " + tmpl::QuoteTag(read.type), kScalars, problem);
  }
  if (!valid) return false;
  if (!read.description.empty()) member.shape.description = read.description;
  member.shape.nullable |= read.optional;
  object->Add(std::move(member));
  return true;
}

// Keywords that say nothing of a value.
bool IsAnnotation(std::string_view key) {
  constexpr std::string_view kKeys[] = {"title",    "$schema",  "$id",
                                        "$comment", "examples", "example"};
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

bool ReadType(const Yaml& type, Shape* shape, SchemaProblem* problem) {
  const bool list = type.Is(Kind::kArray);
  std::string_view name = type.text;
  for (size_t i = 0; list && i < type.items.size(); ++i) {
    if (type.items[i].IsText("null")) {
      shape->nullable = true;
    } else if (name.empty()) {
      name = type.items[i].text;
    } else {
      return Fail(type.items[i].position, "a value of several types", {}, problem);
    }
  }
  if (FindType(name, &shape->type)) return true;
  return Fail(type.position, "unknown type", {}, problem);
}

bool ReadProperties(const Yaml& properties, Shape* shape, SchemaProblem* problem) {
  if (!properties.Is(Kind::kObject)) {
    return Fail(properties.position, "properties that are no mapping", {}, problem);
  }
  for (size_t i = 0; i < properties.keys.size(); ++i) {
    Shape::Member member = {.name = properties.keys[i].text, .required = false, .shape = {}};
    if (!ReadJsonSchema(properties.items[i], &member.shape, problem)) return false;
    shape->Add(std::move(member));
  }
  return true;
}

// Those of a schema's keywords that concern one kind of value.
bool ReadKeyword(std::string_view key, const Yaml& value, Shape* shape, SchemaProblem* problem,
                 bool* known) {
  *known = true;
  if (key == "description") {
    shape->description = value.text;
  } else if (key == "default") {
    shape->default_value = &value;
  } else if (key == "minimum" || key == "minLength" || key == "minItems") {
    shape->min = &value;
  } else if (key == "maximum" || key == "maxLength" || key == "maxItems") {
    shape->max = &value;
  } else if (key == "items") {
    return ReadJsonSchema(value, &shape->element.emplace_back(), problem);
  } else if (key == "properties") {
    return ReadProperties(value, shape, problem);
  } else if (key == "additionalProperties") {
    shape->others.clear();
    if (value.Is(Kind::kFalse)) return true;
    shape->others.emplace_back();
    return value.Is(Kind::kTrue) || ReadJsonSchema(value, &shape->others.back(), problem);
  } else {
    *known = key == "type" || key == "enum" || key == "required" || IsAnnotation(key);
  }
  return true;
}

}  // namespace

void Shape::Add(Member member) {
  index_.emplace(member.name, members.size());
  members.push_back(std::move(member));
}

const Shape* Shape::Named(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? nullptr : &members[found->second].shape;
}

Shape* Shape::Named(std::string_view name) {
  const auto found = index_.find(std::string(name));
  return found == index_.end() ? nullptr : &members[found->second].shape;
}

const Shape* Shape::Find(std::string_view name) const {
  const Shape* named = Named(name);
  return named != nullptr || others.empty() ? named : others.data();
}

bool IsJsonSchema(const Yaml& schema) {
  const Yaml* type = schema.Find("type");
  Shape::Type found;
  if (type != nullptr && type->Is(Kind::kString) &&
      (FindType(type->text, &found) || type->text == "any")) {
    return true;
  }
  const Yaml* properties = schema.Find("properties");
  return properties != nullptr && properties->Is(Kind::kObject);
}

bool ReadPicoschema(const Yaml& schema, Shape* shape, SchemaProblem* problem) {
  if (schema.Is(Kind::kString)) return ReadScalar(schema, shape, problem);
  if (!schema.Is(Kind::kObject)) {
    return Fail(schema.position, "a schema that is neither a text nor a mapping", kScalars,
                problem);
  }
  shape->type = Shape::Type::kObject;
  for (size_t i = 0; i < schema.keys.size(); ++i) {
    const bool wildcard = schema.keys[i].text == "(*)";
    if (wildcard ? !ReadPicoschema(schema.items[i], &shape->others.emplace_back(), problem)
                 : !ReadMember(schema.keys[i], schema.items[i], shape, problem)) {
      return false;
    }
  }
  return true;
}

bool ReadJsonSchema(const Yaml& schema, Shape* shape, SchemaProblem* problem) {
  if (!schema.Is(Kind::kObject))
    return Fail(schema.position, "a schema that is no mapping", {}, problem);
  const Yaml* type = schema.Find("type");
  if (type != nullptr && !ReadType(*type, shape, problem)) return false;
  if (type == nullptr && schema.Find("properties") != nullptr) shape->type = Shape::Type::kObject;
  if (shape->Is(Shape::Type::kObject)) shape->others.emplace_back();
  const Yaml* values = schema.Find("enum");
  if (values != nullptr && !ReadEnum(*values, shape, problem)) return false;
  for (size_t i = 0; i < schema.keys.size(); ++i) {
    bool known;
    if (!ReadKeyword(schema.keys[i].text, schema.items[i], shape, problem, &known)) return false;
    if (known) continue;
    return Fail(schema.keys[i].position,
                "a keyword that declarations of variables have no word for",
                "Leave it out: what is imported is not checked by it.", problem);
  }
  const Yaml* required = schema.Find("required");
  std::unordered_set<std::string_view> names;
  for (size_t i = 0; required != nullptr && i < required->items.size(); ++i) {
    names.insert(required->items[i].text);
  }
  for (Shape::Member& member : shape->members) member.required = names.count(member.name) > 0;
  return true;
}

namespace {

void AddType(const Shape& shape, json::Builder* builder) {
  for (const TypeWord& word : kTypes) {
    if (word.type != shape.type) continue;
    builder->Key("type");
    if (!shape.nullable) return builder->String(word.name);
    builder->BeginArray();
    builder->String(word.name);
    builder->String("null");
    return builder->EndArray();
  }
}

void AddMembers(const Shape& shape, json::Builder* builder) {
  bool required = false;
  builder->Key("properties");
  builder->BeginObject();
  for (const Shape::Member& member : shape.members) {
    required |= member.required;
    builder->Key(member.name);
    AddJsonSchema(member.shape, builder);
  }
  builder->EndObject();
  builder->Key("additionalProperties");
  if (shape.others.empty()) {
    builder->Bool(false);
  } else {
    AddJsonSchema(shape.others[0], builder);
  }
  if (!required) return;
  builder->Key("required");
  builder->BeginArray();
  for (const Shape::Member& member : shape.members) {
    if (member.required) builder->String(member.name);
  }
  builder->EndArray();
}

}  // namespace

void AddJsonSchema(const Shape& shape, json::Builder* builder) {
  builder->BeginObject();
  AddType(shape, builder);
  if (!shape.description.empty()) {
    builder->Key("description");
    builder->String(shape.description);
  }
  if (shape.Is(Shape::Type::kEnum)) {
    builder->Key("enum");
    builder->BeginArray();
    for (const Yaml* value : shape.values) AddYaml(*value, builder);
    if (shape.nullable) builder->Null();
    builder->EndArray();
  }
  if (!shape.element.empty()) {
    builder->Key("items");
    AddJsonSchema(shape.element[0], builder);
  }
  if (shape.Is(Shape::Type::kObject)) AddMembers(shape, builder);
  builder->EndObject();
}

}  // namespace promptreg::imports
