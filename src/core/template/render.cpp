#include <algorithm>
#include <utility>

#include "core/json/layout.h"
#include "core/template/date.h"
#include "core/template/error_text.h"
#include "core/template/filters.h"
#include "core/template/output.h"
#include "core/template/program.h"
#include "core/template/scratch.h"
#include "core/template/trace.h"

namespace promptreg::tmpl {
namespace {

using json::Kind;
using json::Value;

template <class Companion>
class Renderer {
 public:
  Renderer(const Layout& program, const RenderOptions& options, Scratch* scratch,
           Companion trace) noexcept
      : program_(program),
        base_(program.base()),
        slots_(scratch->slots.data),
        scratch_(scratch),
        limits_(options.limits),
        now_(options.now),
        out_(&scratch->out, scratch, BytesLeft(options, *scratch), options.interrupt, options.room),
        filters_(program, options, scratch),
        trace_(trace) {}

  Code Run(uint32_t part) noexcept {
    const uint64_t limit = limits_.render_operations;
    operations_left_ = limit > scratch_->operations ? limit - scratch_->operations : 0;
    if (!out_.Poll()) return out_.code();
    if (!scratch_->frames.Reserve(4)) return Code::kOutOfMemory;
    Frame& root = scratch_->frames.data[0];
    root.context = scratch_->root;
    root.objects = 0;  // its names are in the slots
    root.loop = 0;
    if constexpr (Companion::kOn) {
      if (!trace_.SetContext(0, kRootOrigin)) return Code::kOutOfMemory;
    }
    const Code code = Loop(part);
    return code == Code::kOk ? out_.code() : code;
  }

  const Output& out() const noexcept { return out_; }
  const Companion& trace() const noexcept { return trace_; }
  Value culprit() const noexcept { return filters_.culprit(); }
  const Layout& program() const noexcept { return program_; }
  const Op* failed() const noexcept { return failed_; }  // where it stopped
  uint64_t operations_left() const noexcept {
    const uint64_t left = operations_left_ + ticks_;
    return left > owed_ ? left - owed_ : 0;
  }

 private:
  static size_t BytesLeft(const RenderOptions& options, const Scratch& scratch) noexcept {
    const uint64_t limit = options.limits.output_bytes;
    return limit > scratch.bytes ? static_cast<size_t>(limit - scratch.bytes) : 0;
  }

  Code Loop(uint32_t part) noexcept {
    const Op* const ops = program_.ops();
    const Op* op = ops + program_.part(part);
    for (;;) {
      if (ticks_ == 0) {
        const Code code = Refill();
        if (code != Code::kOk) return Failed(*op, code);
      }
      --ticks_;
      [[maybe_unused]] size_t begin = 0;
      if constexpr (Companion::kOn) begin = out_.size();
      if ((op->flags & kIndentFlag) != 0 && !Indent()) return Failed(*op, out_.code());
      if (op->length != 0 && !out_.Append(base_ + op->text, op->length))
        return Failed(*op, out_.code());
      if constexpr (Companion::kOn) {
        if (!trace_.AddLiteral(*op, begin, out_.size())) return Code::kOutOfMemory;
      }
      switch (op->code) {
        case OpCode::kText:
          break;
        case OpCode::kEnd:
          return Code::kOk;

        case OpCode::kPrintSlot:
          if (!Print(slots_[op->name], *op)) return Failed(*op, Stopped());
          break;
        case OpCode::kPrintName:
          if (!Print(Lookup(op->name), *op)) return Failed(*op, Stopped());
          break;
        case OpCode::kPrintTop:
          if (!Print(scratch_->frames.data[top_].context, *op)) return Failed(*op, Stopped());
          break;
        case OpCode::kPrintRegister:
          if (!Print(register_, *op)) return Failed(*op, Stopped());
          break;

        case OpCode::kLoadSlot:
        case OpCode::kLoadName:
        case OpCode::kLoadTop:
          if constexpr (Companion::kOn) trace_.loaded = OriginOf(*op, top_);
          Load(Follow(Get(*op), op->arg));
          break;
        case OpCode::kLoadLiteral:
          if constexpr (Companion::kOn) trace_.loaded = kNoOrigin;
          Load(program_.container(op->arg));
          break;

        case OpCode::kLoadSpecial:
          if constexpr (Companion::kOn) trace_.loaded = kNoOrigin;
          Load(Get(static_cast<Special>(op->name)));
          break;
        case OpCode::kBranch: {
          const auto comparison = static_cast<Comparison>(op->name & (kSenseBit - 1));
          const bool holds = Holds(comparison);
          if (holds == ((op->name & kSenseBit) != 0)) {
            op = ops + op->arg;
            continue;
          }
          break;
        }
        case OpCode::kJump:
          op = ops + op->arg;
          continue;
        case OpCode::kFilter: {
          if (!filters_.Apply(op->arg, op->name, &register_)) return Failed(*op, filters_.code());
          Charge(filters_.work() / kFilterBytes);
          break;
        }

        case OpCode::kSectionSlot:
        case OpCode::kSectionName:
        case OpCode::kSectionTop:
        case OpCode::kSectionRegister: {
          const Value value = Get(*op);
          if (!value.Truthy()) {
            op = ops + op->arg;
            continue;
          }
          const Code code = Push(value);
          if (code != Code::kOk) return Failed(*op, code);
          if constexpr (Companion::kOn) {
            const uint32_t origin = OriginOf(*op, top_ - 1);
            if (!trace_.SetContext(top_, origin)) return Code::kOutOfMemory;
          }
          break;
        }
        case OpCode::kInvertedSlot:
        case OpCode::kInvertedName:
        case OpCode::kInvertedTop:
        case OpCode::kInvertedRegister:
          if (Get(*op).Truthy()) {
            op = ops + op->arg;
            continue;
          }
          break;
        case OpCode::kEndSection:
          if (NextElement()) {
            op = ops + op->arg;
            continue;
          }
          --top_;
          break;

        case OpCode::kCall: {
          const Code code = Call(*op, static_cast<uint32_t>(op - ops) + 1);
          if (code != Code::kOk) return Failed(*op, code);
          op = ops + op->arg;
          continue;
        }
        case OpCode::kDispatch: {
          const ChoiceEntry* choice = Choose(register_, program_.choices() + op->arg);
          if (choice == nullptr) break;
          const Code code = Call(*op, static_cast<uint32_t>(op - ops) + 1);
          if (code != Code::kOk) return Failed(*op, code);
          op = ops + choice->op;
          continue;
        }
        case OpCode::kReturn: {
          const Return& back = scratch_->returns.data[--calls_];
          indent_begin_ = back.indent_begin;
          indent_end_ = back.indent_end;
          op = ops + back.op;
          continue;
        }
      }
      ++op;
    }
  }

  // For messages: what went well needs no note of where it is.
  Code Failed(const Op& op, Code code) noexcept {
    failed_ = &op;
    return code;
  }

  void Load(Value value) noexcept {
    previous_ = register_;
    register_ = value;
  }

  // Values of different types are different, and neither is less; so are lists and objects.
  bool Holds(Comparison comparison) noexcept {
    if (comparison == Comparison::kTruth) return register_.Truthy();
    const auto type = [](Value value) { return value.missing() ? Kind::kNull : value.kind(); };
    const Kind kind = type(previous_);
    const bool same = kind == type(register_);
    bool equal = same && kind != Kind::kArray && kind != Kind::kObject;
    bool less = false;
    if (same && kind == Kind::kNumber) {
      const int order = json::CompareNumbers(previous_, register_);
      equal = order == 0;
      less = order < 0;
      Charge(std::min(previous_.length(), register_.length()) / kBytes);
    } else if (same && kind == Kind::kString) {
      const std::string_view left = previous_.string(), right = register_.string();
      const int order = left.compare(right);
      equal = order == 0;
      less = order < 0;
      constexpr size_t kFaster = 16;  // than anything else that is done with bytes
      Charge(std::min(left.size(), right.size()) / (kFaster * kBytes));
    }
    const bool ordered = same && (kind == Kind::kNumber || kind == Kind::kString);
    switch (comparison) {
      case Comparison::kEqual:
        return equal;
      case Comparison::kDifferent:
        return !equal;
      case Comparison::kLess:
        return less;
      case Comparison::kLessEqual:
        return ordered && (less || equal);
      case Comparison::kGreater:
        return ordered && !less && !equal;
      default:
        return ordered && !less;
    }
  }

  // Why an append failed: its own code, or the JSON's depth.
  Code Stopped() const noexcept {
    if constexpr (Companion::kOn) {
      if (trace_.failed()) return Code::kOutOfMemory;
    }
    return out_.code() == Code::kOk ? Code::kJsonTooDeep : out_.code();
  }

  // Operations are handed out in small lots, with a look for interrupts before each.
  Code Refill() noexcept {
    constexpr uint64_t kLot = 1000;
    if (!out_.Poll()) return out_.code();
    if (operations_left_ <= owed_) return Code::kTooManyOperations;
    operations_left_ -= std::exchange(owed_, 0);
    ticks_ = static_cast<uint32_t>(std::min(operations_left_, kLot));
    operations_left_ -= ticks_;
    return Code::kOk;
  }

  // What takes longer than an operation counts as several: looking further outwards, and work on
  // texts.
  static constexpr uint64_t kBytes = 64;
  static constexpr uint64_t kFilterBytes = 32;
  void Charge(uint64_t operations) noexcept {
    const auto now = static_cast<uint32_t>(std::min<uint64_t>(operations, ticks_));
    ticks_ -= now;
    owed_ += operations - now;
  }

  Value Get(Special special) noexcept {
    if (special == Special::kNow) {
      const char* end = FormatTimestamp(now_, now_text_);
      return Value::Make(Kind::kString, now_text_, static_cast<uint32_t>(end - now_text_));
    }
    const uint32_t loop = scratch_->frames.data[top_].loop;
    if (loop == 0) return {};
    const Frame& frame = scratch_->frames.data[loop];
    switch (special) {
      case Special::kFirst:
        return Value::Make(frame.index == 1 ? Kind::kTrue : Kind::kFalse, nullptr, 0);
      case Special::kLast:
        return Value::Make(frame.count == 0 ? Kind::kTrue : Kind::kFalse, nullptr, 0);
      default: {
        const uint32_t index = frame.index - (special == Special::kIndex ? 1 : 0);
        char* number = numbers_[next_number_ ^= 1];
        return Value::Make(Kind::kNumber, number,
                           static_cast<uint32_t>(json::MakeInteger(index, number)));
      }
    }
  }

  Value Get(const Op& op) noexcept {
    switch (PlaceOf(op.code)) {
      case Place::kSlot:
        return slots_[op.name];
      case Place::kName:
        return Lookup(op.name);
      case Place::kTop:
        return scratch_->frames.data[top_].context;
      case Place::kRegister:
        break;
    }
    return register_;
  }

  // A long name is compared with some fifty keys that may differ from it in the end alone.
  Value Find(Value object, std::string_view name) noexcept {
    constexpr uint32_t kCompared = 48;
    constexpr uint64_t kComparedBytes = 4096;
    if (name.size() >= kBytes) {
      Charge(std::min(object.size(), kCompared) * name.size() / kComparedBytes);
    }
    return object.Find(name);
  }

  Value Lookup(uint32_t name) noexcept {
    const Frame* frames = scratch_->frames.data;
    for (uint32_t i = frames[top_].objects; i != 0; i = frames[i - 1].objects) {
      const Value value = Find(frames[i].context, program_.name(name));
      if (!value.missing()) return value;
      Charge(1);
    }
    // What is looked up is always the first of a path, which has a slot.
    return slots_[name];
  }

  // The origin of what Get finds with so many frames.
  uint32_t OriginOf(const Op& op, uint32_t top) const noexcept {
    switch (PlaceOf(op.code)) {
      case Place::kSlot:
        return op.name;
      case Place::kTop:
        return trace_.context(top);
      case Place::kRegister:
        return trace_.loaded;
      case Place::kName:
        break;
    }
    const Frame* frames = scratch_->frames.data;
    for (uint32_t i = frames[top].objects; i != 0; i = frames[i - 1].objects) {
      if (!frames[i].context.Find(program_.name(op.name)).missing()) return trace_.context(i);
    }
    return op.name;
  }

  Value Follow(Value value, uint32_t path) noexcept {
    const uint16_t* names = program_.paths() + path;
    Charge(names[0]);
    for (uint32_t i = 1; i <= names[0]; ++i) value = Find(value, program_.name(names[i]));
    return value;
  }

  Code Push(Value value) noexcept {
    if (top_ >= limits_.nesting) return Code::kNestingTooDeep;
    if (!scratch_->frames.Reserve(size_t{top_} + 2)) return Code::kOutOfMemory;
    Frame& frame = scratch_->frames.data[++top_];
    frame.count = 0;
    frame.loop = value.kind() == Kind::kArray ? top_ : (&frame)[-1].loop;
    if (value.kind() == Kind::kArray) {
      frame.count = value.size();
      frame.entries = value.data() + 4;
      frame.base = frame.entries + size_t{frame.count} * 4;
      frame.offset = frame.index = 0;
      NextElement();
    } else {
      SetContext(&frame, value);
    }
    return Code::kOk;
  }

  void SetContext(Frame* frame, Value value) noexcept {
    frame->context = value;
    frame->objects = value.kind() == Kind::kObject ? top_ : frame[-1].objects;
  }

  bool NextElement() noexcept {
    Frame& frame = scratch_->frames.data[top_];
    if (frame.count == 0) return false;
    --frame.count;
    const uint32_t entry = json::layout::Entry(frame.entries, frame.index++);
    const uint32_t begin = frame.offset;
    frame.offset = json::layout::End(entry, begin);
    SetContext(&frame, json::layout::Decode(entry, frame.base, begin, frame.offset));
    return true;
  }

  const ChoiceEntry* Choose(Value name, const ChoiceEntry* table) const noexcept {
    if (name.kind() != Kind::kString) return nullptr;
    const auto text = [&](const ChoiceEntry& choice) {
      return std::string_view(base_ + choice.text, choice.length);
    };
    const ChoiceEntry* const end = table + 1 + table->op;
    const ChoiceEntry* found = std::lower_bound(
        table + 1, end, name.string(), [&](const ChoiceEntry& choice, std::string_view wanted) {
          return json::layout::CompareKeys(text(choice), wanted) < 0;
        });
    return found != end && text(*found) == name.string() ? found : nullptr;
  }

  Code Call(const Op& op, uint32_t back) noexcept {
    if (calls_ >= limits_.snippet_depth) return Code::kSnippetTooDeep;
    if (!scratch_->returns.Reserve(size_t{calls_} + 1) ||
        !scratch_->indent.Reserve(size_t{indent_end_} + op.name)) {
      return Code::kOutOfMemory;
    }
    scratch_->returns.data[calls_++] = {
        .op = back, .indent_begin = indent_begin_, .indent_end = indent_end_};
    if ((op.flags & kNestFlag) == 0) indent_begin_ = indent_end_;
    if (op.name != 0) {
      std::memcpy(scratch_->indent.data + indent_end_, base_ + op.text + op.length, op.name);
      indent_end_ += op.name;
    }
    return Code::kOk;
  }

  bool Indent() noexcept {
    if (indent_begin_ == indent_end_) return true;
    return out_.Append(scratch_->indent.data + indent_begin_, indent_end_ - indent_begin_);
  }

  bool Print(Value value, const Op& op) noexcept {
    if constexpr (!Companion::kOn) {
      return PrintValue(value, op);
    } else {
      const size_t begin = out_.size();
      if (!PrintValue(value, op)) return false;
      return trace_.AddValue(op, begin, out_.size(), OriginOf(op, top_));
    }
  }

  bool PrintValue(Value value, const Op& op) noexcept {
    const bool html = (op.flags & kEscapeFlag) != 0;
    if (!html && value.kind() == Kind::kString) return out_.Append(value.data(), value.length());
    if (!html) return out_.Print(value, limits_.json_depth) && ChargeJson();
    switch (value.kind()) {
      case Kind::kString:
        return out_.AppendHtml(value.data(), value.length());
      case Kind::kArray:
      case Kind::kObject: {
        HtmlOutput escaped(&out_);
        return json::Emit(value, limits_.json_depth, 0, escaped) == json::Emitted::kOk &&
               ChargeJson();
      }
      default:
        return out_.Print(value, limits_.json_depth);
    }
  }

  bool ChargeJson() noexcept {
    constexpr uint64_t kMarks = 2;
    Charge(out_.TakeMarks() / kMarks);
    return true;
  }

  const Layout& program_;
  const char* const base_;
  const Value* const slots_;
  Scratch* const scratch_;
  const Limits& limits_;
  const int64_t now_;
  Output out_;
  Filters filters_;
  [[no_unique_address]] Companion trace_;
  Value register_;
  Value previous_;    // what the register held before
  uint32_t top_ = 0;  // the innermost frame
  uint32_t calls_ = 0;
  uint32_t ticks_ = 0;  // operations until the next look around
  uint32_t indent_begin_ = 0, indent_end_ = 0;
  uint64_t operations_left_ = 0;
  uint64_t owed_ = 0;  // operations that were charged and are in neither
  uint32_t next_number_ = 0;
  const Op* failed_ = nullptr;
  char numbers_[2][16];  // one for each side of a comparison
  char now_text_[kLongestTimestamp];
};

void Explain(Code code, const Limits& limits, Value culprit, Error* error) noexcept {
  *error = Error();
  error->code = code;
  ErrorText message(error->message);
  ErrorText hint(error->hint);
  switch (code) {
    case Code::kInterrupted:
      message << "rendering was interrupted";
      break;
    case Code::kOutOfMemory:
      message << "out of memory";
      break;
    case Code::kNestingTooDeep:
      message << "rendering opens more than " << limits.nesting << " sections within one another";
      break;
    case Code::kSnippetTooDeep:
      message << "rendering includes snippets more than " << limits.snippet_depth << " deep";
      hint << "A snippet that includes itself ends where the data end.";
      break;
    case Code::kTooManyOperations:
      message << "rendering exceeds the limit of " << limits.render_operations << " operations";
      hint << "Lists within lists multiply.";
      break;
    case Code::kOutputTooLarge:
      message << "rendering exceeds the limit of " << limits.output_bytes << " bytes of output";
      break;
    case Code::kJsonTooDeep:
      message << "a value is nested more than " << limits.json_depth << " deep";
      break;
    case Code::kInvalidVariable:
      message << "filter \"date\" got ";
      AppendDescription(culprit, &message);
      hint << "It takes dates and times in ISO 8601, and seconds since 1970-01-01.";
      break;
    default:
      message << "rendering failed";
      break;
  }
}

// Sets the place of the tag of an operation.
void Locate(const Layout& program, const Op& op, uint32_t part, const Encoding* encoding,
            Error* error) noexcept {
  const auto index = static_cast<uint32_t>(&op - program.ops());
  const uint32_t position = program.positions()[index];
  if (position == kNoPosition) return;
  const std::span<const TextSource> sources = program.sources();
  const auto next = std::upper_bound(
      sources.begin(), sources.end(), index,
      [](uint32_t wanted, const TextSource& source) { return wanted < source.op; });
  const uint32_t snippet = next == sources.begin() ? 0 : next[-1].snippet;
  const uint32_t text = snippet == 0 ? part : program.header().part_count + snippet;
  SetPosition(program.text(text), position, program.snippet(snippet), encoding, error);
}

template <class Companion>
Code Run(Renderer<Companion>* renderer, uint32_t part, const RenderOptions& options,
         Scratch* scratch, std::string_view* output, Error* error) noexcept {
  const Code code = renderer->Run(part);
  if (code != Code::kOk) {
    Explain(code, options.limits, renderer->culprit(), error);
    error->part = part;
    const bool place = code != Code::kInterrupted && code != Code::kOutOfMemory;
    if (place && renderer->failed() != nullptr) {
      Locate(renderer->program(), *renderer->failed(), part, options.encoding, error);
    }
    return code;
  }
  scratch->bytes += renderer->out().size();
  scratch->operations = options.limits.render_operations -
                        std::min(options.limits.render_operations, renderer->operations_left());
  *output = renderer->out().text();
  return Code::kOk;
}

}  // namespace

Code Render(ProgramView program, uint32_t part, const RenderOptions& options, Scratch* scratch,
            std::string_view* output, Error* error) noexcept {
  const Layout layout(program.data());
  Renderer<NoTrace> renderer(layout, options, scratch, {});
  return Run(&renderer, part, options, scratch, output, error);
}

Code RenderTraced(ProgramView program, uint32_t part, const RenderOptions& options,
                  Scratch* scratch, std::string_view* output, std::span<const Span>* spans,
                  Error* error) noexcept {
  const Layout layout(program.data());
  Renderer<Trace> renderer(layout, options, scratch, Trace(layout, scratch));
  const Code code = Run(&renderer, part, options, scratch, output, error);
  *spans = renderer.trace().spans();
  return code;
}

}  // namespace promptreg::tmpl
