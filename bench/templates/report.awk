# The figures, "key value" lines with one for each round, as Markdown tables: medians, and ratios of medians.
# The exit code is 1 when a target is missed.
function median(key,    n, i, j, v, t) {
  n = split(values[key], v, " ")
  for (i = 2; i <= n; ++i) for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; --j) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
  return (v[int((n + 1) / 2)] + v[int(n / 2) + 1]) / 2
}
function row(what, key,    i, line) {
  if (!((key "_a") in values)) return
  line = "| " what " |"
  for (i = 1; i <= 3; ++i) line = line sprintf(" %d |", median(key "_" letter[i]))
  print line
}
# least: what every ratio, or that of c alone, has to be; otherwise that of c has a most.
function ratios(what, target, above, below, least, only_c,    i, line, ratio, met) {
  if (!((above "_a") in values)) return
  met = 1
  line = "| " what " | " target " |"
  for (i = 1; i <= 3; ++i) {
    ratio = median(above "_" letter[i]) / median(below "_" letter[i])
    line = line sprintf(" %.2f |", ratio)
    if (target != "" && (least ? ratio < least && (i == 3 || !only_c) : i == 3 && ratio > 2.5)) met = 0
  }
  if (!met) missed = 1
  print line (target == "" ? "" : met ? " met" : " **missed**") " |"
}
{ values[$1] = values[$1] " " $2 }
END {
  split("a b c", letter, " ")
  print "| ns a rendering | a | b | c |\n|---|---|---|---|"
  row("copying the pieces", "copy")
  row("copying the pieces into a new text, in the server", "copy_server")
  row("the core without a server", "core")
  row("`prompt_render`, in the server", "server")
  row("Handlebars, precompiled", "handlebars")
  row("mustache.js", "mustache_js")
  row("kainjow mustache", "kainjow")
  row("from text, in the server: `prompt_render`", "read_jsonb")
  row("from text, in the server: `prompt_render_text`", "read_text")
  row("end to end: the variables and back", "end_to_end_echo")
  row("end to end: `prompt_render`", "end_to_end_prompt_render")
  row("end to end: `prompt_render_text`", "end_to_end_prompt_render_text")
  print ""
  print "| ratio | target | a | b | c | |\n|---|---|---|---|---|---|"
  ratios("times as fast as Handlebars, in the server", ">= 3", "handlebars", "server", 3)
  ratios("times as fast as mustache.js, in the server", "", "mustache_js", "server")
  ratios("times as fast as kainjow mustache, in the server", "", "kainjow", "server")
  ratios("time of copying the pieces, the core", "c <= 2.5", "core", "copy")
  ratios("time of copying the pieces in the server, in the server", "c <= 2.5", "server", "copy_server")
  ratios("time of copying the pieces without a server, in the server", "c <= 2.5", "server", "copy")
  ratios("`prompt_render_text`, times as fast as `prompt_render`, end to end", "c >= 2", "end_to_end_prompt_render", "end_to_end_prompt_render_text", 2, 1)
  ratios("`prompt_render_text`, times as fast as `prompt_render`, from text, in the server", "", "read_jsonb", "read_text")
  exit missed
}
