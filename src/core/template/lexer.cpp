#include "core/template/lexer.h"

#include <algorithm>

#include "core/json/numeric.h"
#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

constexpr std::string_view kBlank = " \t\r\n\v\f";
constexpr std::string_view kSigns[] = {"==", "!=", "<=", ">=", "<", ">", "(", ")", ",", "|"};
constexpr std::string_view kEndsWord = " \t\r\n\v\f\"=!<>(),|";

}  // namespace

void Lexer::Next() {
  at_ = std::min(text_.find_first_not_of(kBlank, at_), text_.size());
  position_ = at_;
  if (at_ == text_.size()) {
    token_ = Token::kEnd;
    return;
  }
  if (text_[at_] == '"') return ReadString();
  for (const std::string_view sign : kSigns) {
    if (!text_.substr(at_).starts_with(sign)) continue;
    token_ = Token::kSign;
    word_ = sign;
    at_ += sign.size();
    return;
  }
  const size_t end = std::min(text_.find_first_of(kEndsWord, at_), text_.size());
  word_ = text_.substr(at_, std::max<size_t>(end - at_, 1));
  token_ = end == at_ ? Token::kBad : Token::kWord;
  problem_ = "a sign that means nothing here";
  at_ += word_.size();
}

void Lexer::ReadString() {
  token_ = Token::kBad;
  string_.clear();
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '"') {
      token_ = Token::kString;
      ++at_;
      return;
    }
    if (text_[at_] != '\\') {
      string_ += text_[at_];
      continue;
    }
    constexpr std::string_view kLetters = "\"\\ntr", kMeanings = "\"\\\n\t\r";
    const size_t which = ++at_ < text_.size() ? kLetters.find(text_[at_]) : std::string_view::npos;
    if (which == std::string_view::npos) {
      problem_ = R"(an unknown escape; there are \" \\ \n \t \r)";
      at_ = text_.size();
      return;
    }
    string_ += kMeanings[which];
  }
  problem_ = "a string that is not closed";
}

std::string Lexer::Quote() const {
  switch (token_) {
    case Token::kEnd:
      return "the end of the tag";
    case Token::kBad:
      return std::string(problem_);
    case Token::kString:
      return "the string \"" + QuoteTag(string_) + "\"";
    default:
      return "\"" + QuoteTag(word_) + "\"";
  }
}

bool Lexer::Take(std::string_view sign) {
  if (!IsSign(sign)) return false;
  Next();
  return true;
}

bool Lexer::TakeLiteral(Literal* literal) {
  if (!IsLiteral(literal)) return false;
  Next();
  return true;
}

bool Lexer::IsLiteral(Literal* literal) const {
  if (token_ == Token::kString) {
    *literal = {.kind = json::Kind::kString, .text = string_};
    return true;
  }
  if (token_ != Token::kWord) return false;
  if (word_ == "true" || word_ == "false") {
    literal->kind = word_ == "true" ? json::Kind::kTrue : json::Kind::kFalse;
    return true;
  }
  if (word_ == "null") {
    literal->kind = json::Kind::kNull;
    return true;
  }
  std::string varlena;
  if (word_.size() > 1000 || !json::ParseNumber(word_, &varlena)) return false;
  *literal = {.kind = json::Kind::kNumber, .text = std::string(word_)};
  return true;
}

}  // namespace promptreg::tmpl
