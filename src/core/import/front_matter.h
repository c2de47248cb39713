// The front matter of a Dotprompt file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/import/shape.h"
#include "core/import/yaml.h"
#include "core/json/builder.h"
#include "core/template/template.h"

namespace promptreg::imports {

class FrontMatter {
 public:
  // False: *error says why it cannot be imported, and where.
  bool Read(std::string_view source, tmpl::Error* error);

  // The template that follows it, source[begin, end).
  size_t template_begin() const { return template_begin_; }
  size_t template_end() const { return template_end_; }

  // What is known of the variables; nullptr: nothing.
  const Shape* variables() const { return declares_ ? &variables_ : nullptr; }

  // Into an object: model, params, and declarations of the variables, of those that are only named
  // in the template, too.
  void Add(const std::vector<std::string>& named, json::Builder* builder) const;

 private:
  void Find(std::string_view source);
  bool Fail(size_t position, std::string_view message, std::string_view hint);
  bool Check();
  bool ReadInput(const Yaml& input);
  bool ReadDefaults(const Yaml& defaults);
  bool ReadOutput(const Yaml& output);
  bool CheckDeclarations();
  void AddParams(json::Builder* builder) const;
  void AddDeclaration(std::string_view name, const Shape& shape, bool required,
                      json::Builder* builder) const;

  std::string_view source_;
  size_t begin_ = 0, end_ = 0;  // of the YAML
  size_t template_begin_ = 0, template_end_ = 0;
  tmpl::Error* error_ = nullptr;
  Yaml root_;
  bool declares_ = false;
  Shape variables_;
  bool json_output_ = false;
  const Yaml* output_schema_ = nullptr;
  bool pico_output_ = false;
  Shape output_;
};

}  // namespace promptreg::imports
