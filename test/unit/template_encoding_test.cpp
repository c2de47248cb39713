// Texts in encodings other than UTF-8: filters, bounds and places count their characters and leave
// them whole.
#include "core/template/encoding.h"

#include <gtest/gtest.h>

#include "core/template/error_text.h"
#include "unit/support.h"

namespace promptreg {
namespace {

using testing::Json;
using testing::Template;

int OneByte(const char*) noexcept {
  return 1;
}

// As in EUC-JP: a byte that is not ASCII begins a character of two.
int TwoBytes(const char* character) noexcept {
  return static_cast<unsigned char>(*character) < 0x80 ? 1 : 2;
}

constexpr tmpl::LetterPair kUpper[] = {{"\xE0", "\xC0"}, {"\xE9", "\xC9"}};
constexpr tmpl::LetterPair kLower[] = {{"\xC0", "\xE0"}, {"\xC9", "\xE9"}};
const tmpl::Encoding kSingle = {.length = OneByte, .upper = kUpper, .lower = kLower};
const tmpl::Encoding kDouble = {.length = TwoBytes};

std::string Filtered(const std::string& filters, std::string_view value,
                     const tmpl::Encoding& encoding) {
  json::Builder builder;
  builder.BeginObject();
  builder.Key("x");
  builder.String(value);
  builder.EndObject();
  const std::string variables = builder.Finish();
  Template source = {.texts = {"{{x | " + filters + "}}"}, .encoding = &encoding};
  if (!source.Compile()) return std::string("!") + source.error.message;
  const testing::ScratchPointer scratch(tmpl::NewScratch());
  tmpl::RenderOptions options;
  options.encoding = &encoding;
  std::string_view output;
  tmpl::Bind(source.view(), json::Value::FromContainer(variables.data()), true, options,
             scratch.get(), &source.error);
  tmpl::Render(source.view(), 0, options, scratch.get(), &output, &source.error);
  return std::string(output);
}

TEST(Encodings, FiltersCountCharacters) {
  const char* const single = "\xE9t\xE9\xA9\xB0";
  EXPECT_EQ(Filtered("length", single, kSingle), "5");
  EXPECT_EQ(Filtered("truncate(4)", single, kSingle), "\xE9...");
  EXPECT_EQ(Filtered("first", single, kSingle), "\xE9");
  EXPECT_EQ(Filtered("last", single, kSingle), "\xB0");
  EXPECT_EQ(Filtered("limit(4)", single, kSingle), "\xE9t\xE9\xA9");
  const char* const twofold = "\xC6\xFC\xCB\xDCx\xB8\xEC";
  EXPECT_EQ(Filtered("length", twofold, kDouble), "4");
  EXPECT_EQ(Filtered("truncate(4)", twofold, kDouble), twofold);
  EXPECT_EQ(Filtered("truncate(3)", twofold, kDouble), "...");
  EXPECT_EQ(Filtered("first", twofold, kDouble), "\xC6\xFC");
  EXPECT_EQ(Filtered("last", twofold, kDouble), "\xB8\xEC");
  EXPECT_EQ(Filtered("limit(2)", twofold, kDouble), "\xC6\xFC\xCB\xDC");
  EXPECT_EQ(Filtered("last", "", kDouble), "");
}

TEST(Encodings, LettersHaveTheCaseOfTheEncoding) {
  EXPECT_EQ(Filtered("upper", "\xE9YA\xE0z\xB5", kSingle), "\xC9YA\xC0Z\xB5");
  EXPECT_EQ(Filtered("lower", "\xC9YA\xC0z\xB5", kSingle), "\xE9ya\xE0z\xB5");
  EXPECT_EQ(Filtered("upper", "\xC6\xFC\xCB\xDC z", kDouble), "\xC6\xFC\xCB\xDC Z");
}

TEST(Encodings, WhatXmlCannotWriteIsReplacedByAscii) {
  EXPECT_EQ(Filtered("xml", "a\x01<\xC6\xFC", kDouble), "a?&lt;\xC6\xFC");
}

// What is cut off within a character is no reason to read on.
TEST(Encodings, TextsMayEndWithinACharacter) {
  EXPECT_EQ(Filtered("length", "a\xC6", kDouble), "2");
  EXPECT_EQ(Filtered("upper", "a\xC6", kDouble), "A\xC6");
  EXPECT_EQ(Filtered("last", "a\xC6", kDouble), "\xC6");
}

TEST(Encodings, PlacesAreCountedInCharacters) {
  Template source = {.texts = {"\xC6\xFC\xCB\xDC {{#x}}"}, .encoding = &kDouble};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.error.column, 4U);
  EXPECT_STREQ(source.error.detail, "Line 1, column 4:\n\xC6\xFC\xCB\xDC {{#x}}\n     ^");
}

TEST(Encodings, TornCharactersAreReplaced) {
  const auto replaced = [](std::string text) {
    tmpl::ReplaceTorn(text, kDouble);
    return text;
  };
  EXPECT_EQ(replaced("a\xC6\xFC\xCB..."), "a\xC6\xFC?...");
  EXPECT_EQ(replaced("\xC6\xFC\xCB"), "\xC6\xFC?");
  EXPECT_EQ(replaced(""), "");
  EXPECT_EQ(replaced("abc"), "abc");
}

}  // namespace
}  // namespace promptreg
