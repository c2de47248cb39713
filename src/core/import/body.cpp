#include "core/import/body.h"

#include <algorithm>

#include "core/import/handlebars.h"
#include "core/import/lines.h"
#include "core/import/refusal.h"
#include "core/import/scopes.h"
#include "core/template/parser.h"

namespace promptreg::imports {
namespace {

// Beyond what the limits of templates are by default, and few enough to be looked at quickly.
constexpr size_t kMostTags = 10'000;
constexpr size_t kMostBlocks = 64;
constexpr size_t kMostScopes = 16;
constexpr std::string_view kWhite = " \t\r\n\v\f";
constexpr std::string_view kConditions[] = {"if", "unless", "ifEquals", "unlessEquals"};
constexpr std::string_view kHelpers[] = {"if",   "unless", "ifEquals", "unlessEquals", "each",
                                         "with", "role",   "history",  "media",        "section",
                                         "json", "lookup", "log"};

constexpr std::string_view kIndents[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"};

template <size_t kSize>
bool IsOneOf(std::string_view name, const std::string_view (&names)[kSize]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// A string as conditions have it.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    constexpr std::string_view kMeanings = "\"\\\n\t\r", kLetters = "\"\\ntr";
    const size_t which = kMeanings.find(c);
    if (which == std::string_view::npos) {
      quoted += c;
    } else {
      quoted += '\\';
      quoted += kLetters[which];
    }
  }
  return quoted += '"';
}

class Converter {
 public:
  Converter(std::string_view source, size_t begin, size_t end, const Shape* variables, Body* body,
            tmpl::Error* error)
      : source_(source),
        offset_(begin),
        text_(source.substr(begin, end - begin)),
        scopes_(variables),
        body_(body),
        error_(error) {}

  bool Run() {
    body_->messages.push_back({.role = "user", .history = false, .parts = {}});
    for (size_t from = 0;;) {
      const size_t at = text_.find("{{", from);
      if (at == std::string_view::npos) break;
      // Backslashes before tags mean the same as here.
      const bool escaped =
          at > done_ && text_[at - 1] == '\\' && (at < done_ + 2 || text_[at - 2] != '\\');
      if (escaped) {
        from = at + 2;
        continue;
      }
      Tag tag;
      TagProblem problem;
      if (!ReadTag(text_, at, &tag, &problem)) return Fail(problem);
      if (++tags_ > kMostTags) return Fail(at, "more than 10,000 tags", {});
      AddText(at);
      if (!AddTag(tag)) return false;
      from = done_ = tag.end;
    }
    AddText(text_.size());
    FinishPart(true);
    if (!blocks_.empty()) return Fail(blocks_.back().position, "a block that is not closed", {});
    std::erase_if(body_->messages,
                  [](const Message& message) { return !message.history && message.parts.empty(); });
    body_->variables = scopes_.variables();
    return true;
  }

 private:
  struct Block {
    std::string_view helper;
    std::string path;  // of a loop or an object; empty: a condition
    size_t position = 0;
    bool otherwise = false;
  };

  bool Fail(size_t position, std::string_view message, std::string_view hint) {
    return Refuse(source_, offset_ + position, "cannot be imported: " + std::string(message), hint,
                  error_);
  }
  bool Fail(const TagProblem& problem) {
    return Fail(problem.position, problem.message, problem.hint);
  }

  void AddText(size_t end) {
    const std::string_view text = text_.substr(done_, end - done_);
    if (text.find_first_not_of(kWhite) != std::string_view::npos) says_something_ = true;
    if (text.find_first_not_of(" \t") != std::string_view::npos) begins_ = false;
    part_ += text;
  }

  // What a tag becomes. `alone`: of those that take their line with them if it is theirs alone.
  void Emit(const Tag& tag, std::string_view converted, bool alone) {
    size_t next;
    if (alone && begins_ && !first_part_ && !IsAlone(tag, &next)) part_ += kGuard;
    part_ += converted;
    begins_ = false;
    if (alone) last_alone_ = part_.size();
    if (tag.type != Tag::Type::kComment) says_something_ = true;
  }

  bool IsAlone(const Tag& tag, size_t* next) const {
    return StartsLine(text_, tag.begin, done_) && EndsLine(text_, tag.end, next);
  }

  // The part of a message that has come to its end; not the last one: because of a tag.
  void FinishPart(bool last) {
    if (!last && last_alone_ > 0 && last_alone_ <= part_.size() &&
        part_.find_first_not_of(" \t", last_alone_) == std::string::npos) {
      part_ += kGuard;
    }
    if (says_something_) body_->messages.back().parts.push_back({.image = false, .text = part_});
    part_.clear();
    last_alone_ = 0;
    says_something_ = first_part_ = false;
    begins_ = true;
  }

  bool AddTag(const Tag& tag) {
    switch (tag.type) {
      case Tag::Type::kComment:
        Emit(tag, Comment(tag.comment), true);
        return true;
      case Tag::Type::kPartial:
        return AddPartial(tag);
      case Tag::Type::kOpen:
        return OpenBlock(tag);
      case Tag::Type::kElse:
        return AddElse(tag);
      case Tag::Type::kClose:
        return CloseBlock(tag);
      case Tag::Type::kValue:
        return tag.words.size() == 1 && tag.named.empty() ? AddValue(tag) : AddHelper(tag);
    }
    return false;
  }

  // Comments end at the first braces here.
  static std::string Comment(std::string_view text) {
    std::string comment = "{{!";
    for (const char c : text) {
      if (c == '}' && comment.back() == '}') comment += ' ';
      comment += c;
    }
    if (comment.back() == '}') comment += ' ';
    return comment += "}}";
  }

  bool AddPartial(const Tag& tag) {
    const std::string_view problem = tag.partial.find_first_of("*@") != std::string_view::npos
                                         ? "a character that no name has"
                                         : tmpl::SnippetProblem(tag.partial);
    if (!problem.empty()) return Fail(tag.begin, "invalid partial: " + std::string(problem), {});
    Emit(tag, "{{> " + std::string(tag.partial) + "}}", true);
    return true;
  }

  bool Resolve(const Expression& expression, Resolved* resolved) {
    TagProblem problem;
    if (expression.type != Expression::Type::kPath) {
      return Fail(expression.position, "a literal where a name is needed", {});
    }
    return scopes_.Resolve(expression, resolved, &problem) || Fail(problem);
  }

  bool AddValue(const Tag& tag) {
    const Expression& value = tag.words[0];
    if (value.IsName("history")) return AddHistory(tag);
    if (value.type == Expression::Type::kPath && value.segments.size() == 1 &&
        IsOneOf(value.segments[0], kHelpers) && value.IsName(value.segments[0])) {
      return Fail(tag.begin, "a helper without its arguments", {});
    }
    Resolved resolved;
    if (!Resolve(value, &resolved)) return false;
    const bool list = resolved.shape != nullptr && resolved.shape->Is(Shape::Type::kArray);
    const std::string_view filter = resolved.length ? " | length" : list ? R"( | join(","))" : "";
    Emit(tag, Braced(tag, resolved.path + std::string(filter)), false);
    return true;
  }

  static std::string Braced(const Tag& tag, const std::string& content) {
    return (tag.raw ? "{{{" : "{{") + content + (tag.raw ? "}}}" : "}}");
  }

  bool AddHelper(const Tag& tag) {
    const Expression& helper = tag.words[0];
    if (helper.IsName("role")) return AddRole(tag);
    if (helper.IsName("media")) return AddMedia(tag);
    if (helper.IsName("json")) return AddJson(tag);
    if (helper.IsName("history")) return Fail(tag.begin, "arguments of history", {});
    return Fail(tag.begin, "a helper that this language has no counterpart of",
                "There are role, history, media and json, and if, unless, ifEquals, unlessEquals, "
                "each and with as blocks.");
  }

  bool AddJson(const Tag& tag) {
    const bool indented = tag.named.size() == 1 && tag.named[0].name == "indent" &&
                          tag.named[0].value.type == Expression::Type::kNumber &&
                          IsOneOf(tag.named[0].value.text, kIndents);
    if (tag.words.size() != 2 || (!tag.named.empty() && !indented)) {
      return Fail(tag.begin, "arguments of json other than a value and indent=2", {});
    }
    Resolved resolved;
    if (!Resolve(tag.words[1], &resolved)) return false;
    std::string content = resolved.path + (resolved.length ? " | length" : "") + " | json";
    if (indented && tag.named[0].value.text != "0") {
      content.append("(").append(tag.named[0].value.text).append(")");
    }
    Emit(tag, Braced(tag, content), false);
    return true;
  }

  // Roles, histories and images part the text into messages, whatever the variables are.
  bool Divide(const Tag& tag) {
    if (!blocks_.empty()) {
      return Fail(tag.begin, "messages and images within a block",
                  "Which messages there are cannot depend on variables: put the block into the "
                  "message, or pass messages in the history.");
    }
    if (body_->first_marker == std::string_view::npos) body_->first_marker = offset_ + tag.begin;
    // The last of several backslashes only kept the tag a tag, and no tag follows here.
    if (part_.ends_with("\\\\")) part_.pop_back();
    FinishPart(false);
    return true;
  }

  bool AddRole(const Tag& tag) {
    constexpr std::string_view kRoles[] = {"user", "assistant", "system", "tool", "developer"};
    if (tag.words.size() != 2 || tag.words[1].type != Expression::Type::kString) {
      return Fail(tag.begin, "a role that is not written as a string", {});
    }
    if (!tag.named.empty()) return Fail(tag.begin, "metadata of a message", {});
    std::string_view role = tag.words[1].string;
    if (role == "model") role = "assistant";
    const auto known = std::find(std::begin(kRoles), std::end(kRoles), role);
    if (known == std::end(kRoles)) {
      return Fail(tag.words[1].position, "an unknown role",
                  "There are user, model, system, tool and developer.");
    }
    if (!Divide(tag)) return false;
    NewMessage(*known);
    return true;
  }

  void NewMessage(std::string_view role) {
    if (!body_->messages.back().parts.empty()) body_->messages.emplace_back();
    body_->messages.back().role = role;
  }

  // What follows is the model's until a role says otherwise.
  bool AddHistory(const Tag& tag) {
    if (!Divide(tag)) return false;
    NewMessage("user");
    body_->messages.back().history = true;
    body_->messages.push_back({.role = "assistant", .history = false, .parts = {}});
    return true;
  }

  bool AddMedia(const Tag& tag) {
    const Expression* url = nullptr;
    bool image = true;
    for (const Argument& argument : tag.named) {
      if (argument.name == "url") {
        url = &argument.value;
      } else {
        image = image && argument.name == "contentType" &&
                argument.value.type == Expression::Type::kString &&
                argument.value.string.starts_with("image/");
      }
    }
    if (tag.words.size() != 1 || url == nullptr || !image) {
      return Fail(tag.begin, "media other than url=... with the contentType of an image", {});
    }
    std::string text;
    if (url->type == Expression::Type::kString) {
      text = url->string;
      if (text.find("{{") != std::string::npos) return Fail(url->position, "braces in a URL", {});
    } else {
      Resolved resolved;
      if (!Resolve(*url, &resolved)) return false;
      text = "{{" + resolved.path + (resolved.length ? " | length" : "") + "}}";
    }
    if (!Divide(tag)) return false;
    body_->messages.back().parts.push_back({.image = true, .text = text});
    return true;
  }

  bool OpenBlock(const Tag& tag) {
    const Expression& helper = tag.words[0];
    const std::string_view name = helper.segments.size() == 1 ? helper.segments[0] : "";
    if (blocks_.size() == kMostBlocks) return Fail(tag.begin, "more than 64 blocks", {});
    if (helper.IsName(name) && (name == "each" || name == "with")) return OpenScope(tag, name);
    if (!helper.IsName(name) || !IsOneOf(name, kConditions)) {
      return Fail(tag.begin, "a block that this language has no counterpart of",
                  "There are if, unless, ifEquals, unlessEquals, each and with.");
    }
    std::string condition;
    if (!ReadCondition(tag, 0, &condition)) return false;
    blocks_.push_back({.helper = name, .path = {}, .position = tag.begin, .otherwise = false});
    Emit(tag, (name == "unless" ? "{{#unless " : "{{#if ") + condition + "}}", true);
    return true;
  }

  // What follows a helper that asks something.
  bool ReadCondition(const Tag& tag, size_t first, std::string* condition) {
    const std::string_view name = tag.words[first].segments[0];
    const bool compares = name == "ifEquals" || name == "unlessEquals";
    if (tag.words.size() - first != (compares ? 3 : 2) || !tag.named.empty()) {
      return Fail(tag.begin, "other arguments than the helper has", {});
    }
    if (!compares) return ReadOperand(tag.words[first + 1], true, condition);
    std::string right;
    if (!ReadOperand(tag.words[first + 1], false, condition) ||
        !ReadOperand(tag.words[first + 2], false, &right)) {
      return false;
    }
    condition->append(name == "ifEquals" ? " == " : " != ").append(right);
    return true;
  }

  bool ReadOperand(const Expression& expression, bool truth, std::string* operand) {
    switch (expression.type) {
      case Expression::Type::kString:
        *operand = Quoted(expression.string);
        return true;
      case Expression::Type::kNumber:
      case Expression::Type::kTrue:
      case Expression::Type::kFalse:
        *operand = expression.text;
        return true;
      case Expression::Type::kNull:
        *operand = "null";
        return true;
      case Expression::Type::kPath:
        break;
    }
    Resolved resolved;
    if (!Resolve(expression, &resolved)) return false;
    // What has a length is true unless the length is 0.
    if (resolved.length && !truth) return Fail(expression.position, "a length in a comparison", {});
    const std::string& path = resolved.path;
    if (path == "and" || path == "or" || path == "not" || (path[0] >= '0' && path[0] <= '9') ||
        path[0] == '-') {
      return Fail(expression.position, "a name that means something else in conditions", {});
    }
    *operand = path;
    return true;
  }

  bool OpenScope(const Tag& tag, std::string_view name) {
    const bool loop = name == "each";
    if (tag.words.size() != 2 || !tag.named.empty()) {
      return Fail(tag.begin, "other arguments than the helper has", {});
    }
    Resolved resolved;
    if (!Resolve(tag.words[1], &resolved)) return false;
    const size_t position = tag.words[1].position;
    if (tag.words[1].data || resolved.length) return Fail(position, "what has no members", {});
    const Shape* shape = resolved.shape;
    if (loop && shape != nullptr && !shape->Is(Shape::Type::kArray)) {
      return Fail(position, "a loop over what is no list", {});
    }
    if (!loop && (shape == nullptr || !shape->Is(Shape::Type::kObject))) {
      return Fail(position, "with, of what may be no object", "Say in input.schema what it is.");
    }
    if (loop) shape = shape == nullptr || shape->element.empty() ? nullptr : shape->element.data();
    if (scopes_.depth() > kMostScopes) return Fail(tag.begin, "more than 16 loops", {});
    Emit(tag, "{{#" + resolved.path + "}}", true);
    blocks_.push_back(
        {.helper = name, .path = resolved.path, .position = tag.begin, .otherwise = false});
    scopes_.Enter(shape, loop);
    return true;
  }

  bool AddElse(const Tag& tag) {
    if (blocks_.empty()) return Fail(tag.begin, "else outside of any block", {});
    Block& block = blocks_.back();
    if (block.otherwise) return Fail(tag.begin, "else for the second time", {});
    const bool chained = !tag.words.empty();
    if (chained) {
      const Expression& helper = tag.words[0];
      if (!block.path.empty() || helper.segments.size() != 1 ||
          !helper.IsName(helper.segments[0]) || !IsOneOf(helper.segments[0], kConditions)) {
        return Fail(tag.begin, "else followed by what is no condition",
                    "Write {{else}}, and a block within it.");
      }
      std::string condition;
      if (!ReadCondition(tag, 0, &condition)) return false;
      const bool negated = helper.segments[0] == "unless";
      Emit(tag, (negated ? "{{else if not " : "{{else if ") + condition + "}}", true);
      return true;
    }
    block.otherwise = true;
    if (block.path.empty()) {
      Emit(tag, "{{else}}", true);
      return true;
    }
    // Two tags are alone on two lines, not on one.
    size_t next;
    const std::string_view between = IsAlone(tag, &next) ? "\n" : "";
    scopes_.Leave();
    Emit(tag, "{{/" + block.path + "}}" + std::string(between) + "{{^" + block.path + "}}", true);
    return true;
  }

  bool CloseBlock(const Tag& tag) {
    if (blocks_.empty()) return Fail(tag.begin, "the end of a block that is not open", {});
    const Block block = blocks_.back();
    if (tag.words.size() != 1 || !tag.words[0].IsName(block.helper)) {
      return Fail(tag.begin,
                  "the end of another block than " + std::string(block.helper) + ", which is open",
                  {});
    }
    blocks_.pop_back();
    if (!block.path.empty() && !block.otherwise) scopes_.Leave();
    const std::string name = !block.path.empty()        ? block.path
                             : block.helper == "unless" ? "unless"
                                                        : "if";
    Emit(tag, "{{/" + name + "}}", true);
    return true;
  }

  const std::string_view source_;
  const size_t offset_;
  const std::string_view text_;
  Scopes scopes_;
  Body* body_;
  tmpl::Error* error_;
  size_t done_ = 0;  // everything before this has been converted
  size_t tags_ = 0;
  std::vector<Block> blocks_;  // that are open
  // The part of a message that is being written.
  std::string part_;
  size_t last_alone_ = 0;        // where the last tag ends that can take its line with it
  bool first_part_ = true;       // it starts where the text does
  bool begins_ = true;           // nothing but blanks are in it
  bool says_something_ = false;  // it is more than white space and comments
};

}  // namespace

bool ConvertBody(std::string_view source, size_t begin, size_t end, const Shape* variables,
                 Body* body, tmpl::Error* error) {
  *body = Body();
  return Converter(source, begin, end, variables, body, error).Run();
}

}  // namespace promptreg::imports
