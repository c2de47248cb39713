#include "core/import/front_matter.h"

#include <algorithm>

#include "core/import/refusal.h"

namespace promptreg::imports {

using json::Kind;

namespace {

constexpr size_t kMostBytes = 64 * 1024;
constexpr std::string_view kWhite = " \t\r\n\v\f";

struct ParamName {
  std::string_view dotprompt, param;
};
constexpr ParamName kParams[] = {{"topP", "top_p"},
                                 {"topK", "top_k"},
                                 {"maxOutputTokens", "max_tokens"},
                                 {"stopSequences", "stop"}};

// The end of the line at `at`, and where the next one starts.
size_t LineEnd(std::string_view text, size_t at, size_t* next) {
  const size_t end = std::min(text.find('\n', at), text.size());
  *next = std::min(end + 1, text.size());
  return end;
}

bool IsFence(std::string_view line) {
  return line.starts_with("---") && line.find_first_not_of(kWhite, 3) == std::string_view::npos;
}

std::string_view TypeWord(const Shape& shape) {
  switch (shape.type) {
    case Shape::Type::kString:
      return "string";
    case Shape::Type::kNumber:
      return "number";
    case Shape::Type::kInteger:
      return "integer";
    case Shape::Type::kBoolean:
      return "boolean";
    case Shape::Type::kArray:
      return "array";
    case Shape::Type::kObject:
      return "object";
    case Shape::Type::kEnum:
      return "enum";
    case Shape::Type::kNull:
    case Shape::Type::kAny:
      break;
  }
  return "any";
}

}  // namespace

// Comments and empty lines may come before it.
void FrontMatter::Find(std::string_view source) {
  source_ = source;
  begin_ = end_ = template_begin_ = 0;
  template_end_ = source.size();
  size_t at = 0, next = 0;
  std::string_view line;
  for (; at < source.size(); at = next) {
    line = source.substr(at, LineEnd(source, at, &next) - at);
    if (!line.starts_with('#') && line.find_first_not_of(kWhite) != std::string_view::npos) break;
  }
  if (at >= source.size() || !IsFence(line)) return;
  for (size_t begin = next, fence = next; fence < source.size(); fence = next) {
    line = source.substr(fence, LineEnd(source, fence, &next) - fence);
    if (!IsFence(line)) continue;
    begin_ = begin;
    end_ = fence;
    const size_t first = source.find_first_not_of(kWhite, next);
    template_begin_ = std::min(first, source.size());
    if (first != std::string_view::npos) template_end_ = source.find_last_not_of(kWhite) + 1;
    return;
  }
}

bool FrontMatter::Fail(size_t position, std::string_view message, std::string_view hint) {
  return Refuse(source_, position, message, hint, error_);
}

bool FrontMatter::Read(std::string_view source, tmpl::Error* error) {
  error_ = error;
  Find(source);
  if (end_ - begin_ > kMostBytes) return Fail(begin_, "the front matter is larger than 64 kB", {});
  YamlProblem problem;
  if (!ReadYaml(source, begin_, end_, &root_, &problem)) {
    return Fail(problem.position, "the front matter is not valid: " + problem.message,
                "It is YAML, without aliases and tags of types.");
  }
  if (!root_.Is(Kind::kObject) && !root_.Is(Kind::kNull)) {
    return Fail(root_.position, "the front matter is no mapping", {});
  }
  return Check();
}

// What says nothing of how a prompt is rendered and sent is kept in the original alone.
bool FrontMatter::Check() {
  for (size_t i = 0; i < root_.keys.size(); ++i) {
    const std::string& key = root_.keys[i].text;
    const Yaml& value = root_.items[i];
    if (value.Is(Kind::kNull)) continue;
    if (key == "model" && !value.Is(Kind::kString)) {
      return Fail(value.position, "the model is no text", {});
    }
    if ((key == "config" || key == "input" || key == "output") && !value.Is(Kind::kObject)) {
      return Fail(value.position, key + " is no mapping", {});
    }
    if ((key == "tools" && !value.items.empty()) || key == "toolDefs") {
      return Fail(root_.keys[i].position, "tools, whose definitions the file does not have",
                  "Leave them out here, and pass them in params as tools.");
    }
    if (key == "input" && !ReadInput(value)) return false;
    if (key == "output" && !ReadOutput(value)) return false;
  }
  return CheckDeclarations();
}

bool FrontMatter::ReadInput(const Yaml& input) {
  const Yaml* schema = input.Find("schema");
  const Yaml* defaults = input.Find("default");
  SchemaProblem problem;
  if (schema != nullptr && !schema->Is(Kind::kNull)) {
    const bool read = IsJsonSchema(*schema) ? ReadJsonSchema(*schema, &variables_, &problem)
                                            : ReadPicoschema(*schema, &variables_, &problem);
    if (!read) return Fail(problem.position, "input.schema: " + problem.message, problem.hint);
    if (!variables_.Is(Shape::Type::kObject)) {
      return Fail(schema->position, "input.schema: variables that are no object", {});
    }
    declares_ = true;
  }
  if (defaults == nullptr || defaults->Is(Kind::kNull)) return true;
  if (!defaults->Is(Kind::kObject))
    return Fail(defaults->position, "input.default is no mapping", {});
  return ReadDefaults(*defaults);
}

bool FrontMatter::ReadDefaults(const Yaml& defaults) {
  if (!declares_) {
    variables_.type = Shape::Type::kObject;
    variables_.others.emplace_back();
    declares_ = true;
  }
  for (size_t i = 0; i < defaults.keys.size(); ++i) {
    const std::string& name = defaults.keys[i].text;
    if (variables_.Find(name) == nullptr) {
      return Fail(defaults.keys[i].position, "a default of what input.schema does not name", {});
    }
    if (variables_.Named(name) == nullptr) {
      variables_.Add({.name = name, .required = false, .shape = variables_.others[0]});
    }
    variables_.Named(name)->default_value = &defaults.items[i];
  }
  return true;
}

bool FrontMatter::ReadOutput(const Yaml& output) {
  const Yaml* format = output.Find("format");
  output_schema_ = output.Find("schema");
  if (output_schema_ != nullptr && output_schema_->Is(Kind::kNull)) output_schema_ = nullptr;
  if (format != nullptr && !format->IsText("json") && !format->IsText("text")) {
    return Fail(format->position, "a format of the output other than json and text", {});
  }
  json_output_ = format != nullptr ? format->IsText("json") : output_schema_ != nullptr;
  if (output_schema_ == nullptr) return true;
  if (!json_output_) return Fail(output_schema_->position, "a schema of a text", {});
  if (IsJsonSchema(*output_schema_)) return true;
  pico_output_ = true;
  SchemaProblem problem;
  return ReadPicoschema(*output_schema_, &output_, &problem) ||
         Fail(problem.position, "output.schema: " + problem.message, problem.hint);
}

bool FrontMatter::CheckDeclarations() {
  for (const Shape::Member& member : variables_.members) {
    for (const Yaml* value : member.shape.values) {
      if (value->Is(Kind::kString)) continue;
      return Fail(value->position, "a value of an enum that is no text", {});
    }
    if (member.shape.Is(Shape::Type::kNull)) {
      return Fail(begin_, "a variable that can be nothing but null", {});
    }
  }
  return true;
}

void FrontMatter::Add(const std::vector<std::string>& named, json::Builder* builder) const {
  const Yaml* model = root_.Find("model");
  if (model != nullptr && model->Is(Kind::kString)) {
    builder->Key("model");
    builder->String(model->text);
  }
  builder->Key("params");
  AddParams(builder);
  if (!declares_) return;
  builder->Key("variables");
  builder->BeginArray();
  for (const Shape::Member& member : variables_.members) {
    AddDeclaration(member.name, member.shape, member.required, builder);
  }
  for (const std::string& name : named) {
    if (variables_.Named(name) != nullptr) continue;
    AddDeclaration(name, variables_.others[0], false, builder);
  }
  builder->EndArray();
}

void FrontMatter::AddParams(json::Builder* builder) const {
  builder->BeginObject();
  const Yaml* config = root_.Find("config");
  for (size_t i = 0; config != nullptr && i < config->keys.size(); ++i) {
    std::string_view key = config->keys[i].text;
    for (const ParamName& name : kParams) {
      if (name.dotprompt == key) key = name.param;
    }
    builder->Key(key);
    AddYaml(config->items[i], builder);
  }
  if (json_output_) {
    builder->Key("response_format");
    builder->BeginObject();
    builder->Key("type");
    builder->String(output_schema_ == nullptr ? "json_object" : "json_schema");
    if (output_schema_ != nullptr) {
      builder->Key("json_schema");
      builder->BeginObject();
      builder->Key("name");
      builder->String("output");
      builder->Key("schema");
      if (pico_output_) {
        AddJsonSchema(output_, builder);
      } else {
        AddYaml(*output_schema_, builder);
      }
      builder->EndObject();
    }
    builder->EndObject();
  }
  builder->EndObject();
}

void FrontMatter::AddDeclaration(std::string_view name, const Shape& shape, bool required,
                                 json::Builder* builder) const {
  const auto add = [&](std::string_view key, const Yaml* value) {
    if (value == nullptr) return;
    builder->Key(key);
    AddYaml(*value, builder);
  };
  const auto flag = [&](std::string_view key, bool value) {
    if (!value) return;
    builder->Key(key);
    builder->Bool(true);
  };
  builder->BeginObject();
  builder->Key("name");
  builder->String(name);
  builder->Key("type");
  builder->String(TypeWord(shape));
  flag("required", required);
  flag("nullable", shape.nullable);
  if (!shape.description.empty()) {
    builder->Key("description");
    builder->String(shape.description);
  }
  if (!shape.values.empty()) {
    builder->Key("values");
    builder->BeginArray();
    for (const Yaml* value : shape.values) AddYaml(*value, builder);
    builder->EndArray();
  }
  add("default", shape.default_value);
  add("min", shape.min);
  add("max", shape.max);
  builder->EndObject();
}

}  // namespace promptreg::imports
