#include "pg/compose.h"

#include "pg/block.h"
#include "pg/compile.h"
#include "pg/errors.h"
#include "pg/guard.h"
#include "pg/jsonb.h"

namespace promptreg::pg {
namespace {

Query version_query = {
    "SELECT v.version, p.kind OPERATOR(pg_catalog.=) 'chat', v.messages, v.variables, v.syntax, "
    "v.escape, v.model,"
    "       v.params"
    "  FROM promptreg.versions v JOIN promptreg.prompts p ON p.id OPERATOR(pg_catalog.=) "
    "v.prompt_id"
    " WHERE v.id OPERATOR(pg_catalog.=) $1",
    1,
    {INT8OID}};

Query closure_query = {
    "SELECT c.reference, c.snippet, c.snippet_version, c.content_hash, c.changed_by, c.changing,"
    "       c.environment IS NOT NULL"
    "  FROM promptreg.snippet_closure($1, $2, $3, $4) c",
    4,
    {INT8OID, INT4OID, TEXTOID, JSONBOID}};

Query composition_query = {"SELECT o.snippets FROM promptreg.compose($1, $2, $3, $4) o",
                           4,
                           {INT8OID, INT4OID, TEXTOID, JSONBOID}};

// What is wrong with versions of snippets that were chosen.
Query chosen_query = {"SELECT s.problem FROM promptreg.chosen_snippet_problems($1, $2, $3, $4) s",
                      4,
                      {INT8OID, INT4OID, TEXTOID, JSONBOID}};

uint64 Fingerprint(const Row& row, int column) {
  return FingerprintOf(row.Text(column));
}

uint64 Mixed(uint64 hash, uint64 more) {
  hash = (hash ^ more) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 29);
}

uint64 RunFor(Query* query, const VersionParts& version, const Composition& composition) {
  const Datum parameters[] = {Int64GetDatum(version.prompt_id), Int32GetDatum(version.number),
                              PointerGetDatum(NewText(composition.environment)),
                              PointerGetDatum(composition.chosen)};
  return Run(query, parameters, composition.chosen == nullptr ? "   n" : "    ");
}

size_t SnippetSpace(const VersionParts& version) {
  size_t space = MAXALIGN(sizeof(SnippetVersion) * version.snippet_count);
  for (uint32 i = 0; i < version.snippet_count; ++i) {
    space += MAXALIGN(version.snippets[i].reference.size()) +
             MAXALIGN(version.snippets[i].prompt.size());
  }
  return space;
}

const SnippetVersion* LayOutSnippets(const VersionParts& version, Block* layout) {
  auto* snippets = static_cast<SnippetVersion*>(
      layout->Add(version.snippets, sizeof(SnippetVersion) * version.snippet_count));
  for (uint32 i = 0; i < version.snippet_count; ++i) {
    for (std::string_view* text : {&snippets[i].reference, &snippets[i].prompt}) {
      *text = {static_cast<const char*>(layout->Add(text->data(), text->size())), text->size()};
    }
  }
  return snippets;
}

// The version is in the cache already, which frees what it is given, whatever happens next.
void MakePatterns(Version* version) {
  tmpl::Patterns* patterns = nullptr;
  tmpl::Error error;
  const auto compile = [&](const volatile sig_atomic_t* interrupt) {
    bool compiled = false;
    const Caught caught = Guarded(
        [&] { compiled = tmpl::CompilePatterns(version->program, interrupt, &patterns, &error); });
    ReportCaught(caught);
    return compiled;
  };
  // Without them it must not stay, and a cancel is an error too.
  PG_TRY();
  {
    if (!Interruptibly(error, compile)) ReportTemplateError(error, nullptr);
  }
  PG_CATCH();
  {
    ForgetVersion(version);
    PG_RE_THROW();
  }
  PG_END_TRY();
  AttachPatterns(version, patterns);
}

}  // namespace

uint64 FingerprintOf(std::string_view hash) {
  uint64 value = 0;
  memcpy(&value, hash.data(), std::min(hash.size(), sizeof(value)));
  return value;
}

VersionParts ReadVersionParts(const Row& row, int column) {
  return {.id = row.Int64(column),
          .fingerprint = Fingerprint(row, column + 1),
          .prompt_id = row.Int64(column + 2),
          .number = row.Int32(column + 3),
          .composed = row.Bool(column + 4),
          .snippet_count = 0,
          .snippets = nullptr};
}

bool BeingChanged(TransactionId xmax) {
  return TransactionIdIsNormal(xmax) && XidInMVCCSnapshot(xmax, GetActiveSnapshot());
}

void ReadSnippets(const Composition& composition, VersionParts* version, Followed* followed) {
  if (!version->composed) return;
  const uint64 count = RunFor(&closure_query, *version, composition);
  version->snippets = static_cast<SnippetVersion*>(palloc(sizeof(SnippetVersion) * (count + 1)));
  version->snippet_count = static_cast<uint32>(count);
  const size_t room = sizeof(TransactionId) * (followed->count + count + 1);
  followed->changed_by = static_cast<TransactionId*>(
      followed->changed_by == nullptr ? palloc(room) : repalloc(followed->changed_by, room));
  for (uint64 i = 0; i < count; ++i) {
    const Row row(i);
    version->snippets[i] = {
        .reference = row.Text(1), .prompt = row.Text(2), .number = row.Int32(3)};
    version->fingerprint = Mixed(version->fingerprint, Fingerprint(row, 4));
    version->fingerprint = Mixed(version->fingerprint, static_cast<uint64>(row.Int32(3)));
    if (row.IsNull(5)) continue;
    followed->changed_by[followed->count++] = row.Xid(5);
    followed->being_changed = followed->being_changed || BeingChanged(row.Xid(6));
  }
}

void CheckChosen(const VersionParts& version, const Composition& composition) {
  if (composition.chosen == nullptr) return;
  if (!version.composed && JB_ROOT_COUNT(composition.chosen) == 0) return;
  const uint64 count = RunFor(&chosen_query, version, composition);
  if (count == 0) return;
  StringInfoData detail;
  initStringInfo(&detail);
  for (uint64 i = 0; i < count; ++i) {
    const std::string_view problem = Row(i).Text(1);
    if (i > 0) appendStringInfoChar(&detail, '\n');
    appendBinaryStringInfo(&detail, problem.data(), static_cast<int>(problem.size()));
  }
  ereport(ERROR,
          (errcode(kMissingSnippets), errmsg("the versions of snippets do not fit the prompt"),
           errdetail("%s", detail.data),
           errhint("Pass them as snippets, in the form in which prompt_snippets gives "
                   "them: {\"name\": version}.")));
}

Version* LoadVersion(const VersionParts& parts, const Composition& composition) {
  Version* cached = FindVersion(parts.id, parts.fingerprint);
  if (cached != nullptr) return cached;

  const Datum parameters[] = {Int64GetDatum(parts.id)};
  if (Run(&version_query, parameters) != 1)
    elog(ERROR, "version %lld is missing", static_cast<long long>(parts.id));
  const Row row(0);
  return MakeVersion(parts, composition,
                     {.number = row.Int32(1),
                      .chat = row.Bool(2),
                      .messages = row.Json(3),
                      .variables = row.Json(4),
                      .syntax = row.Text(5),
                      .escape = row.Text(6),
                      .model = row.TextOrNull(7),
                      .params = row.Json(8)});
}

Version* MakeVersion(const VersionParts& parts, const Composition& composition,
                     const StoredVersion& stored) {
  TemplateSource source;
  source.checked = true;
  source.messages = JsonView(stored.messages);
  source.syntax = ParseSyntax(stored.syntax);
  source.escape = ParseEscape(stored.escape);
  if (parts.composed) {
    if (RunFor(&composition_query, parts, composition) != 1) elog(ERROR, "snippets are missing");
    source.snippets = JsonView(Row(0).Json(1));
    source.snippets_exist = true;
  }
  if (stored.variables != nullptr) source.variables = JsonView(stored.variables);

  // What a rendering reads comes first and together: the version, its program, then the rest.
  const std::string_view model =
      stored.model == nullptr ? std::string_view() : TextView(stored.model);
  const size_t rest = TextSpace(model) + MAXALIGN(VARSIZE(stored.params)) +
                      (stored.chat ? MAXALIGN(VARSIZE(stored.messages)) : 0) + SnippetSpace(parts);
  size_t program_size;
  const size_t head = MAXALIGN(sizeof(Version)) + rest;
  char* block = CompileTemplates(source, CacheMemory(), head, &program_size);
  auto* version = new (block) Version{};
  version->id = parts.id;
  version->fingerprint = parts.fingerprint;
  version->number = stored.number;
  version->chat = stored.chat;
  version->program = tmpl::ProgramView(block + head);
  Block layout(block, MAXALIGN(sizeof(Version)));
  version->model = stored.model == nullptr ? nullptr : layout.AddText(model);
  version->params = layout.AddJsonb(stored.params);
  version->messages = stored.chat ? layout.AddJsonb(stored.messages) : nullptr;
  version->snippet_count = parts.snippet_count;
  version->snippets = LayOutSnippets(parts, &layout);
  InsertVersion(version);
  MakePatterns(version);
  return version;
}

}  // namespace promptreg::pg
