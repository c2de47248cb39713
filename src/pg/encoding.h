// Texts in the encoding of the database.
#pragma once

#include "core/template/encoding.h"
#include "pg/server.h"

namespace promptreg::pg {

// What the core has to know of the encoding; nullptr: it is UTF-8. May look into catalogs.
const tmpl::Encoding* DatabaseEncoding();

// A message of the core, which counts bytes as if they were UTF-8 where it shortens a text: with
// question marks for what is no text in the encoding.
const char* ValidText(const char* text);

}  // namespace promptreg::pg
