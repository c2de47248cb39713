#include "core/template/link.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "core/json/builder.h"
#include "core/json/layout.h"
#include "core/template/error_text.h"

namespace promptreg::tmpl {
namespace {

using json::Kind;

constexpr uint8_t Bit(Kind kind) {
  return static_cast<uint8_t>(1U << static_cast<uint8_t>(kind));
}

// Kinds of values that are right as they come; everything else is looked at more closely.
uint8_t Accepted(const Declaration& declaration) {
  uint8_t accept = 0;
  switch (declaration.rules.type) {
    case Type::kString:
      accept = Bit(Kind::kString);
      break;
    case Type::kNumber:
      accept = Bit(Kind::kNumber);
      break;
    case Type::kBoolean:
      accept = Bit(Kind::kTrue) | Bit(Kind::kFalse);
      break;
    case Type::kArray:
      accept = Bit(Kind::kArray);
      break;
    case Type::kObject:
      accept = Bit(Kind::kObject);
      break;
    case Type::kInteger:
    case Type::kEnum:
      break;
    case Type::kAny:
    case Type::kMessages:  // what is passed is checked where it is inserted
      accept = static_cast<uint8_t>(~(Bit(Kind::kMissing) | Bit(Kind::kNull)));
      break;
  }
  const Rules& rules = declaration.rules;
  if (!rules.min.missing() || !rules.max.missing() || !rules.pattern.missing()) accept = 0;
  const bool simple = !declaration.required && declaration.default_value.missing();
  if (simple) accept |= Bit(Kind::kMissing);
  if (simple || declaration.nullable) accept |= Bit(Kind::kNull);
  return accept;
}

uint8_t Flags(const Declaration& declaration) {
  const Rules& rules = declaration.rules;
  const bool bounded = !rules.min.missing() || !rules.max.missing() || !rules.pattern.missing();
  return static_cast<uint8_t>(
      kDeclaredFlag | (declaration.required ? kRequiredFlag : 0) |
      (declaration.nullable ? kNullableFlag : 0) | (declaration.trusted ? kTrustedFlag : 0) |
      (declaration.coerce ? kCoerceFlag : 0) | (bounded ? kBoundedFlag : 0));
}

void AddLiteral(const Literal& literal, json::Builder* builder) {
  switch (literal.kind) {
    case Kind::kString:
      return builder->String(literal.text);
    case Kind::kNumber:
      builder->Number(literal.text);
      return;
    case Kind::kTrue:
    case Kind::kFalse:
      return builder->Bool(literal.kind == Kind::kTrue);
    default:
      return builder->Null();
  }
}

class Linker {
 public:
  Linker(const Draft& draft, std::string* program) : draft_(draft), out_(program) {}

  void Run() {
    out_->clear();
    OrderNames();
    // One allocation, about right.
    out_->reserve(sizeof(Header) + draft_.ops.size() * sizeof(Op) + draft_.pool.size() +
                  draft_.names.size() * 32 + 256);
    out_->resize(sizeof(Header));
    header_.magic = kMagic;
    header_.part_count = static_cast<uint16_t>(draft_.parts.size());
    header_.op_count = static_cast<uint32_t>(draft_.ops.size());
    header_.text_size = static_cast<uint32_t>(draft_.pool.size());
    Append(draft_.parts.data(), draft_.parts.size());
    AddNames();
    AddOps();
    AddChoices();
    AddSources();
    AddVariables();
    AddTexts();
    Align(8);
    header_.size = Size();
    std::memcpy(out_->data(), &header_, sizeof(header_));
  }

 private:
  uint32_t Size() const { return static_cast<uint32_t>(out_->size()); }

  void Align(uint32_t to) { out_->resize((out_->size() + to - 1) / to * to, '\0'); }

  template <typename T>
  uint32_t Append(const T* items, size_t count) {
    const uint32_t at = Size();
    if (count > 0) out_->append(reinterpret_cast<const char*>(items), count * sizeof(T));
    return at;
  }

  // Variables first, as jsonb sorts keys, then what else is looked up.
  void OrderNames() {
    order_.resize(draft_.names.size());
    for (size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<uint16_t>(i);
    const auto bound = std::stable_partition(
        order_.begin(), order_.end(), [&](uint16_t id) { return draft_.names[id].variable; });
    const auto roots = std::stable_partition(bound, order_.end(),
                                             [&](uint16_t id) { return draft_.names[id].used; });
    std::sort(order_.begin(), bound, [&](uint16_t left, uint16_t right) {
      return json::layout::CompareKeys(draft_.names[left].text, draft_.names[right].text) < 0;
    });
    rank_.resize(order_.size());
    for (size_t i = 0; i < order_.size(); ++i) rank_[order_[i]] = static_cast<uint16_t>(i);
    header_.name_count = static_cast<uint16_t>(order_.size());
    header_.slot_count = static_cast<uint16_t>(roots - order_.begin());
    header_.bound_count = static_cast<uint32_t>(bound - order_.begin());
    accept_.assign(order_.size(), 0xFF);
    for (size_t i = 0; i < draft_.declarations.size(); ++i) {
      accept_[rank_[DeclaredName(i)]] = Accepted(draft_.declarations[i]);
    }
  }

  // Declarations are the first names.
  static uint16_t DeclaredName(size_t index) { return static_cast<uint16_t>(index); }

  void AddNames() {
    Align(8);
    header_.names = Size();
    uint32_t text = Size() + static_cast<uint32_t>(order_.size() * sizeof(NameEntry));
    for (size_t i = 0; i < order_.size(); ++i) {
      const std::string_view name = draft_.names[order_[i]].text;
      const NameEntry entry = {
          .text = text, .length = static_cast<uint16_t>(name.size()), .accept = accept_[i]};
      text += entry.length;
      Append(&entry, 1);
    }
    for (const uint16_t id : order_) *out_ += draft_.names[id].text;
  }

  static bool HasName(OpCode code) {
    return code >= OpCode::kPrintSlot && code <= OpCode::kInvertedRegister &&
           PlaceOf(code) <= Place::kName;
  }

  void AddOps() {
    Align(8);
    header_.ops = Size();
    const size_t paths = draft_.ops.size() * sizeof(Op) + header_.ops;
    pool_ = static_cast<uint32_t>(paths + draft_.paths.size() * sizeof(uint16_t));
    for (Op op : draft_.ops) {
      if (HasName(op.code)) op.name = rank_[op.name];
      op.text += pool_;
      Append(&op, 1);
    }
    header_.paths = Size();
    for (size_t i = 0; i < draft_.paths.size();) {
      const uint16_t count = draft_.paths[i++];
      Append(&count, 1);
      for (uint16_t j = 0; j < count; ++j) Append(&rank_[draft_.paths[i++]], 1);
    }
    *out_ += draft_.pool;
  }

  void AddChoices() {
    Align(4);
    header_.choices = Size();
    uint32_t text = Size() + static_cast<uint32_t>(draft_.choices.size() * sizeof(ChoiceEntry));
    for (const Choice& choice : draft_.choices) {
      const ChoiceEntry entry = {
          .text = text, .length = static_cast<uint32_t>(choice.name.size()), .op = choice.op};
      text += entry.length;
      Append(&entry, 1);
    }
    for (const Choice& choice : draft_.choices) *out_ += choice.name;
  }

  void AddVariables() {
    std::vector<VariableEntry> variables;
    std::vector<uint16_t> slots(header_.slot_count, kNoVariable);
    std::string containers;
    const size_t declared = draft_.declarations.size();
    const size_t count = declared + draft_.inferred.size();
    Align(4);
    header_.slot_variables = Size();
    header_.variables = (Size() + header_.slot_count * 2 + 3) / 4 * 4;
    header_.filters = static_cast<uint32_t>(header_.variables + count * sizeof(VariableEntry));
    const auto base =
        static_cast<uint32_t>(header_.filters + draft_.filters.size() * sizeof(FilterEntry));
    const auto append = [&](json::Builder& builder) -> uint32_t {
      containers.resize((containers.size() + 3) / 4 * 4);
      const auto at = base + static_cast<uint32_t>(containers.size());
      containers += builder.Finish();
      return at;
    };
    const auto add = [&](json::Value value) -> uint32_t {
      if (value.missing()) return 0;
      json::Builder builder;
      builder.Add(value);
      return append(builder);
    };
    for (size_t i = 0; i < count; ++i) {
      const uint16_t id =
          i < declared ? DeclaredName(i) : static_cast<uint16_t>(draft_.inferred[i - declared]);
      VariableEntry entry = {.slot = rank_[id]};
      entry.flags = draft_.names[id].used ? kUsedFlag : 0;
      entry.snippet = draft_.names[id].snippet;
      if (i < declared) {
        const Declaration& declaration = draft_.declarations[i];
        entry.type = declaration.rules.type;
        entry.flags |= Flags(declaration);
        entry.declaration = add(declaration.source);
      }
      slots[entry.slot] = static_cast<uint16_t>(i);
      variables.push_back(entry);
    }
    for (size_t i = 0; i < draft_.ops.size(); ++i) {
      if (draft_.ops[i].code != OpCode::kLoadLiteral) continue;
      json::Builder builder;
      AddLiteral(draft_.literals[draft_.ops[i].arg], &builder);
      const uint32_t literal = append(builder);
      std::memcpy(out_->data() + header_.ops + i * sizeof(Op) + offsetof(Op, arg), &literal,
                  sizeof(literal));
    }
    header_.variable_count = static_cast<uint16_t>(count);
    Append(slots.data(), slots.size());
    Align(4);
    Append(variables.data(), variables.size());
    for (const FilterCall& call : draft_.filters) {
      FilterEntry entry = {.id = call.id, .number = call.number};
      if (call.literal.kind != Kind::kMissing) {
        json::Builder builder;
        AddLiteral(call.literal, &builder);
        entry.literal = append(builder);
      }
      Append(&entry, 1);
    }
    *out_ += containers;
  }

  // The places in the pool become those in the block.
  void AddSources() {
    Align(4);
    header_.snippets = Size();
    header_.sources = Size() + static_cast<uint32_t>(draft_.snippets.size() * sizeof(SnippetEntry));
    header_.source_count = static_cast<uint32_t>(draft_.sources.size());
    uint32_t text =
        header_.sources + static_cast<uint32_t>(draft_.sources.size() * sizeof(TextSource));
    for (const std::string_view name : draft_.snippets) {
      const SnippetEntry entry = {.text = text, .length = static_cast<uint32_t>(name.size())};
      text += entry.length;
      Append(&entry, 1);
    }
    for (TextSource source : draft_.sources) {
      source.text += pool_;
      Append(&source, 1);
    }
    for (const std::string_view name : draft_.snippets) *out_ += name;
  }

  void AddTexts() {
    Align(4);
    header_.positions = Append(draft_.positions.data(), draft_.positions.size());
    header_.texts = Size();
    uint32_t text = Size() + static_cast<uint32_t>(draft_.texts.size() * sizeof(TextEntry));
    for (const std::string_view content : draft_.texts) {
      const TextEntry entry = {.text = text, .length = static_cast<uint32_t>(content.size())};
      text += entry.length;
      Append(&entry, 1);
    }
    for (const std::string_view content : draft_.texts) *out_ += content;
  }

  const Draft& draft_;
  std::string* out_;
  Header header_;
  uint32_t pool_ = 0;            // where it starts
  std::vector<uint16_t> order_;  // ids by rank
  std::vector<uint16_t> rank_;   // ranks by id
  std::vector<uint8_t> accept_;  // by rank
};

}  // namespace

bool Link(const Draft& draft, std::string* program, Error* error) {
  Linker(draft, program).Run();
  constexpr size_t kMostBytes = size_t{1} << 30;
  if (program->size() <= kMostBytes) return true;
  error->code = Code::kProgramTooLarge;
  ErrorText(error->message) << "compiled template of more than " << kMostBytes << " bytes";
  return false;
}

}  // namespace promptreg::tmpl
