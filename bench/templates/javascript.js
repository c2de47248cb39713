// mustache.js and precompiled Handlebars on the three workloads:  node javascript.js DIR
// DIR has the workloads, and node_modules is found by NODE_PATH. Prints "key value" lines, nanoseconds a rendering.
'use strict';
const fs = require('fs');
const Handlebars = require('handlebars');
const Mustache = require('mustache');

const directory = process.argv[2];
const read = (name) => fs.readFileSync(`${directory}/${name}`, 'utf8');
const plain = { escape: (text) => text };
const options = { noEscape: true, knownHelpersOnly: true };

// The best of several batches, by the clock: what else the machine does makes none of them faster. (The server's
// figures are medians.) A joined string is a tree of its parts until it is read, so it is read.
function nanoseconds(render) {
  let calls = 1;
  let best = Infinity;
  for (let batch = 0; batch < 100; ++batch) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < calls; ++i) {
      const text = render();
      if (text.charCodeAt(text.length - 1) === 0) throw new Error('a zero');
    }
    const taken = Number(process.hrtime.bigint() - start);
    if (batch >= 20) best = Math.min(best, taken / calls);
    if (taken < 1e6) calls *= 2;
  }
  return best;
}

function measure(key, expected, render) {
  if (!Buffer.from(render()).equals(expected)) throw new Error(`${key} renders something else`);
  console.log(key, nanoseconds(render).toFixed(1));
}

for (const name of ['a', 'b', 'c']) {
  const template = read(`${name}.template`);
  const variables = JSON.parse(read(`${name}.variables.json`));
  const snippets = JSON.parse(read(`${name}.snippets.json`));
  const expected = fs.readFileSync(`${directory}/${name}.output`);

  Mustache.parse(template);
  measure(`mustache_js_${name}`, expected, () => Mustache.render(template, variables, snippets, plain));

  const precompiled = (text) =>
    Handlebars.template(new Function(`return ${Handlebars.precompile(text, options)}`)());
  for (const snippet of Object.keys(snippets)) Handlebars.registerPartial(snippet, precompiled(snippets[snippet]));
  const compiled = precompiled(template);
  measure(`handlebars_${name}`, expected, () => compiled(variables));
}
