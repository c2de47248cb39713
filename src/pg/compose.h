// Versions as the cache holds them: compiled, with the snippets that go into them. To be called
// within Reading.
#pragma once

#include "pg/cache.h"
#include "pg/query.h"

namespace promptreg::pg {

// A version that is asked for, and the snippets that go into it.
struct VersionParts {
  int64 id;
  uint64 fingerprint;
  int64 prompt_id;
  int32 number;
  bool composed;  // it has snippets
  uint32 snippet_count;
  SnippetVersion* snippets;
};

// The routes of snippets that versions follow.
struct Followed {
  TransactionId* changed_by;
  uint32 count;
  bool being_changed;
};

// What decides which snippets go into a version: an environment, or versions that were chosen.
struct Composition {
  std::string_view environment;
  Jsonb* chosen;  // {"reference": version}; nullptr: those that the environment serves
};

// The columns by which a query finds a version `v`, for ReadVersionParts.
#define PROMPTREG_VERSION_PARTS                                                               \
  "v.id, v.content_hash, v.prompt_id, v.version, EXISTS ("                                    \
  "SELECT FROM promptreg.snippet_uses u WHERE u.prompt_id OPERATOR(pg_catalog.=) v.prompt_id" \
  " AND u.version OPERATOR(pg_catalog.=) v.version)"

// Without its snippets. `column` is the first of PROMPTREG_VERSION_PARTS.
VersionParts ReadVersionParts(const Row& row, int column);

// Which snippets go into a version, and on which routes that depends. Those that are missing are
// told of when the version is compiled.
void ReadSnippets(const Composition& composition, VersionParts* version, Followed* followed);

// ereport(ERROR) if versions of snippets that were chosen are not those that a version needs.
void CheckChosen(const VersionParts& version, const Composition& composition);

// A version as it is stored.
struct StoredVersion {
  int32 number;
  bool chat;
  Jsonb* messages;
  Jsonb* variables;  // nullptr: inferred
  std::string_view syntax;
  std::string_view escape;
  const text* model;  // nullptr: none
  Jsonb* params;
};

// The compiled version goes into the cache: it is immutable, whoever may see it.
Version* LoadVersion(const VersionParts& parts, const Composition& composition);

// The same for one that is not in the cache and has been read. Outside of Reading only if it has no
// snippets.
Version* MakeVersion(const VersionParts& parts, const Composition& composition,
                     const StoredVersion& stored);

// The start of a hash, by which contents are told from each other.
uint64 FingerprintOf(std::string_view hash);

// Whether a transaction was changing a row when it was read.
bool BeingChanged(TransactionId xmax);

}  // namespace promptreg::pg
