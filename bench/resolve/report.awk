# The figures, "key value" lines, as a Markdown table with targets and verdicts.
function row(what, target, value, unit, met) {
  printf "| %s | %s | %s%s | %s |\n", what, target, value, unit, target == "" ? "" : met ? "met" : "**missed**"
}
function at_least(what, target, value) { row(what, ">= " target, sprintf("%.2f", value), "", value >= target + 0) }
function at_most(what, target, value, format, unit) {
  row(what, target == "" ? "" : "<= " target unit, sprintf(format, value), unit, value <= target + 0)
}
function microseconds(what, target, ns) { at_most(what, target, ns / 1000, "%.2f", " us") }
function show(what, format, value) { row(what, "", sprintf(format, value), "", 1) }
{ f[$1] = $2 }
END {
  print "| | target | measured | |\n|---|---|---|---|"
  for (c = 2; c <= 8; c += 6) if ("ratio_render_select1_" c in f) {
    at_least("prompt_render, throughput as a part of its floor's, " c " clients", 0.90, f["ratio_render_floor_text_" c])
    at_least("prompt_resolve, throughput as a part of its floor's, " c " clients", 0.85, f["ratio_resolve_floor_row_" c])
    show("prompt_render / SELECT 1, " c " clients", "%.2f", f["ratio_render_select1_" c])
    show("prompt_resolve / SELECT 1, " c " clients", "%.2f", f["ratio_resolve_select1_" c])
    show("calls a second: SELECT 1, text floor, prompt_render, row floor, prompt_resolve; " c " clients", "%s",
         sprintf("%d, %d, %d, %d, %d", f["tps_select1_" c], f["tps_floor_text_" c], f["tps_render_" c],
                 f["tps_floor_row_" c], f["tps_resolve_" c]))
  }
  if ("ns_render" in f) {
    at_least("speed in the server, times that of PL/pgSQL on normalised tables", 40, f["ns_uniform_normalised"] / f["ns_uniform_render"])
    at_least("speed in the server, times that of PL/pgSQL on one flat table", 15, f["ns_uniform_flat"] / f["ns_uniform_render"])
    microseconds("in the server, a call: empty C function", "", f["ns_empty"])
    microseconds("copy of 1 KB", "", f["ns_copy"])
    microseconds("prompt_render", 1.0, f["ns_render"])
    microseconds("prompt_render in an experiment", 2.0, f["ns_render_split"])
    microseconds("prompt_resolve", 2.5, f["ns_resolve"])
    microseconds("prompt_resolve in an experiment", 3.5, f["ns_resolve_split"])
    microseconds("what the assignment adds to prompt_render, two variants", 1.0, f["ns_render_split"] - f["ns_render"])
    microseconds("the same of eight variants", 2.5, f["ns_render_eight"] - f["ns_render"])
    microseconds("what the assignment adds to prompt_resolve, two variants", 1.0, f["ns_resolve_split"] - f["ns_resolve"])
    microseconds("the same of eight variants", 2.5, f["ns_resolve_eight"] - f["ns_resolve"])
    microseconds("prompt_render, uniform over 500 prompts", "", f["ns_uniform_render"])
    microseconds("PL/pgSQL, flat / uniform over 500 prompts", "", f["ns_uniform_flat"])
    microseconds("PL/pgSQL, normalised / uniform over 500 prompts", "", f["ns_uniform_normalised"])
  }
  if ("least_ns_render_counted" in f) {
    at_most("prompt_render in a loop, counted in shared memory, times the same not counted", "1.03",
            f["least_ns_render_counted"] / f["least_ns_render_uncounted"], "%.3f", "")
    at_most("the same with another of 500 prompts in each call", "",
            f["least_ns_uniform_render_counted"] / f["least_ns_uniform_render_uncounted"], "%.3f", "")
  }
  if ("ns_miss" in f) {
    # Two runs of the same thing differ by some hundredths.
    at_least("throughput with many prompts as a part of that with 500, the same 500 in use", 0.97, f["ratio_many"])
    at_most("cost of a miss, times that of one compilation and one look-up by index", "1.0",
            (f["ns_miss"] - f["ns_hit"]) / (f["ns_compile"] + f["ns_look_up"]), "%.2f", "")
    microseconds("miss", "", f["ns_miss"])
    microseconds("compilation", "", f["ns_compile"])
    microseconds("look-up by index, from PL/pgSQL", "", f["ns_look_up"])
  }
  if ("first_median" in f) {
    at_most("first resolve in a new connection, median", 5, f["first_median"], "%.2f", " ms")
    at_most("first resolve in a new connection, worst of 20", 5, f["first_worst"], "%.2f", " ms")
    at_most("first call of the floor in a new connection, median", "", f["first_floor"], "%.2f", " ms")
  }
  if ("p99_render" in f) {
    at_most("P99 at 10,000 resolves a second, 8 clients", "1.0", f["p99_render"], "%.2f", " ms")
    at_most("P50 of the same", "", f["p50_render"], "%.2f", " ms")
    at_most("P99 of SELECT 1 at the same rate", "", f["p99_select1"], "%.2f", " ms")
  }
  if ("ratio_ten_rows_render_8" in f) {
    at_least("ten resolves in one statement, times the resolves of ten statements, 2 clients", 4, 10 * f["ratio_ten_rows_render_2"])
    at_least("ten resolves in one statement, times the resolves of ten statements, 8 clients", 4, 10 * f["ratio_ten_rows_render_8"])
  }
}
