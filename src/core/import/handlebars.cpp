#include "core/import/handlebars.h"

#include <algorithm>

#include "core/json/numeric.h"

namespace promptreg::imports {
namespace {

using Type = Expression::Type;

constexpr std::string_view kWhite = " \t\r\n\v\f";

bool IsWhite(char c) {
  return kWhite.find(c) != std::string_view::npos;
}

bool EndsName(char c) {
  constexpr std::string_view kSigns = "!\"#%&'()*+,./;<=>@[\\]^`{|}~";
  return IsWhite(c) || kSigns.find(c) != std::string_view::npos;
}

class Reader {
 public:
  Reader(std::string_view text, Tag* tag, TagProblem* problem)
      : text_(text), at_(tag->begin), tag_(tag), problem_(problem) {}

  bool Run() {
    if (Take("{{{{")) return Fail(tag_->begin, "a raw block", {});
    const bool triple = Take("{{{");
    if (!triple) at_ += 2;
    if (Peek() == '~') return Fail(at_, "white space control", kTrimHint);
    if (!triple && Take("!")) return Comment();
    tag_->raw = triple || Take("&");
    SkipWhite();
    if (!tag_->raw && !ReadSigil()) return false;
    const bool read = tag_->type == Tag::Type::kPartial ? ReadPartial() : ReadWords();
    return read && ReadEnd(triple);
  }

 private:
  static constexpr std::string_view kTrimHint =
      "Remove the ~, and the white space that it would have removed.";

  bool Fail(size_t position, std::string message, std::string_view hint) {
    *problem_ = {.position = position, .message = std::move(message), .hint = std::string(hint)};
    return false;
  }

  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  std::string_view Rest() const { return text_.substr(at_); }

  bool Take(std::string_view sign) {
    if (!Rest().starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }

  void SkipWhite() { at_ = std::min(text_.find_first_not_of(kWhite, at_), text_.size()); }

  bool Comment() {
    tag_->type = Tag::Type::kComment;
    const bool dashes = Rest().starts_with("--");
    const size_t end = text_.find(dashes ? "--}}" : "}}", at_ + (dashes ? 2 : 0));
    if (end == std::string_view::npos) return Fail(tag_->begin, "a comment that is not closed", {});
    tag_->comment = text_.substr(at_, end + (dashes ? 2 : 0) - at_);
    if (tag_->comment.ends_with('~')) return Fail(end, "white space control", kTrimHint);
    tag_->end = end + (dashes ? 4 : 2);
    return true;
  }

  bool ReadSigil() {
    switch (Peek()) {
      case '#':
        tag_->type = Tag::Type::kOpen;
        break;
      case '/':
        tag_->type = Tag::Type::kClose;
        break;
      case '>':
        tag_->type = Tag::Type::kPartial;
        break;
      case '^':
        tag_->type = Tag::Type::kElse;
        ++at_;
        SkipWhite();
        return Peek() == '}' || Fail(tag_->begin, "an inverted block",
                                     "Write {{#unless ...}}, or {{else}} within a block.");
      default:
        return true;
    }
    ++at_;
    if (tag_->type == Tag::Type::kOpen && (Peek() == '>' || Peek() == '*')) {
      return Fail(tag_->begin, "a partial with a block", {});
    }
    SkipWhite();
    return true;
  }

  bool ReadPartial() {
    const char quote = Peek();
    if (quote == '"' || quote == '\'') {
      const size_t end = text_.find(quote, ++at_);
      if (end == std::string_view::npos) return Fail(tag_->begin, "tag is not closed", {});
      tag_->partial = text_.substr(at_, end - at_);
      at_ = end + 1;
    } else {
      const size_t from = at_;
      while (at_ < text_.size() && (!EndsName(text_[at_]) || Peek() == '/' || Peek() == '.')) ++at_;
      tag_->partial = text_.substr(from, at_ - from);
    }
    if (tag_->partial.empty()) return Fail(tag_->begin, "a partial that is not named", {});
    SkipWhite();
    return Peek() == '}' || Peek() == '~' ||
           Fail(at_, "arguments of a partial", "Snippets see the variables of the prompt.");
  }

  bool ReadWords() {
    for (SkipWhite(); at_ < text_.size() && Peek() != '}' && Peek() != '~'; SkipWhite()) {
      if (Peek() == '(') return Fail(at_, "an expression within a tag", {});
      if (Peek() == '|' || (Rest().starts_with("as") && Rest().substr(2, 2) == " |")) {
        return Fail(at_, "parameters of a block", "Use this, and names of members.");
      }
      if (tag_->words.size() + tag_->named.size() > 16) return Fail(at_, "too many arguments", {});
      Argument argument;
      if (!ReadExpression(&argument.value)) return false;
      if (Peek() != '=') {
        tag_->words.push_back(std::move(argument.value));
        continue;
      }
      if (argument.value.segments.size() != 1)
        return Fail(at_, "a sign that means nothing here", {});
      argument.name = argument.value.segments[0];
      argument.value = {};
      ++at_;
      if (!ReadExpression(&argument.value)) return false;
      tag_->named.push_back(std::move(argument));
    }
    if (!tag_->words.empty() && tag_->type == Tag::Type::kValue && !tag_->raw &&
        tag_->words[0].IsName("else")) {
      tag_->type = Tag::Type::kElse;
      tag_->words.erase(tag_->words.begin());
    } else if (tag_->words.empty() && tag_->type != Tag::Type::kElse) {
      return Fail(tag_->begin, at_ < text_.size() ? "an empty tag" : "tag is not closed", {});
    }
    return true;
  }

  bool ReadExpression(Expression* expression) {
    expression->position = at_;
    const char first = Peek();
    if (first == '"' || first == '\'') return ReadString(first, expression);
    if (first == '[') return Fail(at_, "a name in brackets", {});
    expression->data = Take("@");
    size_t count = 0;
    for (;; ++count) {
      if (Take("..")) {
        if (expression->up != count || expression->data)
          return Fail(at_, "a path that goes back", {});
        ++expression->up;
      } else if (!expression->data && Take(".")) {
        expression->explicit_this = true;
      } else {
        const size_t from = at_;
        while (at_ < text_.size() && !EndsName(text_[at_])) ++at_;
        if (at_ == from) return Fail(at_, "a character that no name has", {});
        expression->segments.push_back(text_.substr(from, at_ - from));
      }
      if (Peek() != '.' && Peek() != '/') break;
      ++at_;
    }
    expression->text = text_.substr(expression->position, at_ - expression->position);
    Classify(expression);
    return true;
  }

  // Words that are literals, and "this".
  static void Classify(Expression* expression) {
    if (!expression->segments.empty() && !expression->data && expression->segments[0] == "this") {
      expression->explicit_this = true;
      expression->segments.erase(expression->segments.begin());
    }
    const std::string_view text = expression->text;
    std::string varlena;
    if (text == "true" || text == "false") {
      expression->type = text == "true" ? Type::kTrue : Type::kFalse;
    } else if (text == "null" || text == "undefined") {
      expression->type = Type::kNull;
    } else if (!text.empty() && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) &&
               text.size() < 100 && json::ParseNumber(text, &varlena)) {
      expression->type = Type::kNumber;
    }
  }

  // A backslash before the quote takes its meaning, and means nothing elsewhere.
  bool ReadString(char quote, Expression* expression) {
    const size_t begin = at_++;
    expression->type = Type::kString;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        expression->text = text_.substr(begin, ++at_ - begin);
        return true;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] == quote) ++at_;
      expression->string += text_[at_];
    }
    return Fail(begin, "a string that is not closed", {});
  }

  bool ReadEnd(bool triple) {
    if (Peek() == '~') return Fail(at_, "white space control", kTrimHint);
    if (!Take(triple ? "}}}" : "}}")) return Fail(tag_->begin, "tag is not closed", {});
    tag_->end = at_;
    return true;
  }

  const std::string_view text_;
  size_t at_;
  Tag* tag_;
  TagProblem* problem_;
};

}  // namespace

bool ReadTag(std::string_view text, size_t begin, Tag* tag, TagProblem* problem) {
  *tag = Tag();
  tag->begin = begin;
  return Reader(text, tag, problem).Run();
}

}  // namespace promptreg::imports
