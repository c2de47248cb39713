// The messages of a chat prompt: a list of which each item is
//   a message      {"role", "content", ...}: its content is a text, or a list of parts
//   a placeholder  {"type": "placeholder", "name", "required"}: stands for a list of messages that
//                  is passed as the variable of that name
//   examples       {"type": "examples", "examples": [{"user", "assistant"}, ...]}: pairs of
//   messages
//
// Structure is fixed by the list: texts are rendered one by one into the places where they stand,
// and what is passed for a placeholder is checked, copied, and never read as a template.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.h"
#include "core/template/template.h"

namespace promptreg::chat {

enum class ItemType : uint8_t { kMessage, kPlaceholder, kExamples };

// What has a role is a message, whatever its further keys say.
ItemType TypeOf(json::Value item);

// Whether a value is a list of such items. False: *error says which one is not, and why.
bool CheckItems(json::Value items, tmpl::Error* error) noexcept;

// The template in a part of a content, which stands in `text` of a text part, or in `url` of an
// `image_url`. Missing: there is none.
json::Value TextOfPart(json::Value part);

// Where a text stands; counts are from 1.
struct Place {
  uint32_t item = 0;
  uint32_t part = 0;           // of the content, or of the examples; 0: the content is the text
  std::string_view role = {};  // in an example
};

// What is to be compiled.
struct Contents {
  std::vector<std::string_view> texts;  // in the order in which Render takes them
  std::vector<Place> places;
  std::vector<bool> instructions;  // whether they are of a role that models are told to obey
  std::vector<tmpl::Placeholder> placeholders;
};
Contents ReadContents(json::Value messages);

// As in: message 2, part 1. `buffer` gets a NUL-terminated text.
void DescribePlace(const Place& place, char* buffer, size_t size);

// Renders the messages of a program that was compiled from their contents, after Bind with the same
// variables and scratch. The result is a container in the jsonb layout, and replaces *messages.
tmpl::Code Render(json::Value stored, tmpl::ProgramView program, json::Value variables,
                  const tmpl::RenderOptions& options, tmpl::Scratch* scratch, std::string* messages,
                  tmpl::Error* error) noexcept;

// A text of finished messages.
struct Text {
  uint32_t message = 0;               // from 0
  int32_t part = -1;                  // of its content, from 0; -1: the content is the text
  uint32_t index = 0;                 // in Contents::texts, where it is not passed
  std::string_view placeholder = {};  // that it is passed for; empty: none
  std::string_view passed = {};
};

// All texts that Render writes, in order; of what is passed, those that stand where templates
// would.
tmpl::Code ListTexts(json::Value stored, json::Value variables, const tmpl::RenderOptions& options,
                     tmpl::Scratch* scratch, std::vector<Text>* texts, tmpl::Error* error) noexcept;

}  // namespace promptreg::chat
