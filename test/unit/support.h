// What the unit tests share: values from JSON text, and rendering in one call.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/json/builder.h"
#include "core/json/value.h"
#include "core/json/write.h"
#include "core/template/template.h"

namespace promptreg::testing {

// Feeds a Builder; numbers keep their text.
class BuildingHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit BuildingHandler(json::Builder* builder) : builder_(builder) {}
  bool null() override {
    return Done([&] { builder_->Null(); });
  }
  bool boolean(bool value) override {
    return Done([&] { builder_->Bool(value); });
  }
  bool number_integer(int64_t value) override { return Number(std::to_string(value)); }
  bool number_unsigned(uint64_t value) override { return Number(std::to_string(value)); }
  bool number_float(double, const std::string& text) override { return Number(text); }
  bool string(std::string& value) override {
    return Done([&] { builder_->String(value); });
  }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(size_t) override {
    return Done([&] { builder_->BeginObject(); });
  }
  bool key(std::string& value) override {
    return Done([&] { builder_->Key(value); });
  }
  bool end_object() override {
    return Done([&] { builder_->EndObject(); });
  }
  bool start_array(size_t) override {
    return Done([&] { builder_->BeginArray(); });
  }
  bool end_array() override {
    return Done([&] { builder_->EndArray(); });
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

 private:
  template <typename Call>
  bool Done(Call&& call) {
    call();
    return true;
  }
  bool Number(const std::string& text) { return builder_->Number(text); }
  json::Builder* builder_;
};

// A value and the bytes it lives in; an empty text makes a missing one.
class Json {
 public:
  Json() = default;
  Json(const char* text) : Json(std::string_view(text)) {}
  Json(const std::string& text) : Json(std::string_view(text)) {}
  Json(std::string_view text) {
    if (text.empty()) return;
    json::Builder builder;
    BuildingHandler handler(&builder);
    // The parser wants numbers that a double can hold; a number alone may be any.
    if (!builder.Number(text) && (builder = {}, !nlohmann::json::sax_parse(text, &handler))) {
      throw std::invalid_argument("not JSON: " + std::string(text));
    }
    bytes_ = std::make_shared<std::string>(builder.Finish());
  }
  json::Value value() const {
    return bytes_ == nullptr ? json::Value() : json::Value::FromContainer(bytes_->data());
  }
  const std::string& bytes() const { return *bytes_; }

 private:
  std::shared_ptr<std::string> bytes_;
};

inline std::string Compact(json::Value value) {
  std::string text;
  if (!json::AppendCompact(value, 1000, &text)) text = "too deep";
  return text;
}

struct ScratchDeleter {
  void operator()(tmpl::Scratch* scratch) const { tmpl::ReleaseScratch(scratch); }
};
using ScratchPointer = std::unique_ptr<tmpl::Scratch, ScratchDeleter>;

struct PatternsDeleter {
  void operator()(tmpl::Patterns* patterns) const { tmpl::ReleasePatterns(patterns); }
};

// One template with everything around it; what is not set is as in a prompt.
struct Template {
  std::vector<std::string> texts;
  tmpl::Syntax syntax = tmpl::Syntax::kMustache;
  tmpl::Escape escape = tmpl::Escape::kNone;
  Json declarations = {};
  Json snippets = {};
  bool snippets_exist = false;
  tmpl::Limits limits = {};
  bool require_object = true;
  const volatile std::sig_atomic_t* interrupt = nullptr;
  int64_t now = 0;
  const tmpl::Encoding* encoding = nullptr;
  bool strict = true;  // as at commit

  // After a call:
  std::string program = {};
  tmpl::Error error = {};
  std::string list = {};  // of the error
  tmpl::Code code = tmpl::Code::kOk;

  bool Compile() {
    std::vector<std::string_view> parts(texts.begin(), texts.end());
    const tmpl::Source source = {.parts = parts,
                                 .syntax = syntax,
                                 .escape = escape,
                                 .declarations = declarations.value(),
                                 .snippets = snippets.value(),
                                 .snippets_exist = snippets_exist,
                                 .encoding = encoding,
                                 .strict = strict};
    const bool compiled = tmpl::Compile(source, limits, &program, &error);
    code = error.code;
    return compiled;
  }

  tmpl::ProgramView view() const { return tmpl::ProgramView(program.data()); }

  // "!" and the message where it fails.
  std::string Render(const Json& variables, uint32_t part = 0) {
    if (!Compile()) return std::string("!") + error.message;
    return RenderAgain(variables, part);
  }

  std::string RenderAgain(const Json& variables, uint32_t part = 0) {
    const ScratchPointer scratch(tmpl::NewScratch());
    const tmpl::RenderOptions options = {
        .limits = limits, .interrupt = interrupt, .now = now, .encoding = encoding};
    tmpl::Patterns* made = nullptr;
    if (!tmpl::CompilePatterns(view(), nullptr, &made, &error))
      return std::string("!") + error.message;
    const std::unique_ptr<tmpl::Patterns, PatternsDeleter> patterns(made);
    const tmpl::ProgramView ready(program.data(), made);
    error = tmpl::Error();
    code = tmpl::Bind(ready, variables.value(), require_object, options, scratch.get(), &error);
    list = error.list != nullptr ? error.list : error.detail;
    error.list = nullptr;
    if (code != tmpl::Code::kOk) return std::string("!") + error.message;
    std::string_view output;
    code = tmpl::Render(ready, part, options, scratch.get(), &output, &error);
    if (code != tmpl::Code::kOk) return std::string("!") + error.message;
    return std::string(output);
  }
};

inline std::string Render(std::string text, const Json& variables, const Json& snippets = "{}") {
  Template source = {.texts = {std::move(text)}, .snippets = snippets, .require_object = false};
  return source.Render(variables);
}

}  // namespace promptreg::testing
