// The words, literals and signs that filters and conditions are made of.
#pragma once

#include <string>
#include <string_view>

#include "core/template/ast.h"

namespace promptreg::tmpl {

class Lexer {
 public:
  enum class Token : uint8_t { kEnd, kWord, kString, kSign, kBad };

  explicit Lexer(std::string_view text) : text_(text) { Next(); }

  // What the reader stands at.
  Token token() const { return token_; }
  std::string_view word() const { return word_; }  // kWord, kSign
  const std::string& string() const { return string_; }
  size_t position() const { return position_; }
  std::string_view problem() const { return problem_; }  // kBad
  std::string Quote() const;

  void Next();
  bool IsSign(std::string_view sign) const { return token_ == Token::kSign && word_ == sign; }
  bool Take(std::string_view sign);  // a sign, if it is there

  // A string, number, true, false or null. False: something else is there.
  bool TakeLiteral(Literal* literal);

 private:
  void ReadString();
  bool IsLiteral(Literal* literal) const;

  std::string_view text_;
  size_t at_ = 0;
  size_t position_ = 0;
  Token token_ = Token::kEnd;
  std::string_view word_;
  std::string_view problem_;
  std::string string_;
};

}  // namespace promptreg::tmpl
