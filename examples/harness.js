// MoMo in JavaScript behind the harness protocol: `momo conform --rule momo -- node examples/harness.js`.
// It knows float64, the proximal weight decay and the estimated lower bound; neither groups nor AdamW's decay.
"use strict";

// Numbers are IEEE bit patterns, "f64:3ff8000000000000" is 1.5.
const bytes = new DataView(new ArrayBuffer(8));
function decode(text) {
  const [format, digits] = text.split(":");
  bytes.setBigUint64(0, BigInt("0x" + digits.padEnd(16, "0")));
  return format === "f64" ? bytes.getFloat64(0) : bytes.getFloat32(0);
}
function encode(number) {
  bytes.setFloat64(0, number);
  return "f64:" + bytes.getBigUint64(0).toString(16).padStart(16, "0");
}
const map = (f, tensor) => (Array.isArray(tensor) ? tensor.map((part) => map(f, part)) : f(tensor));
const unflatten = (like, values) => map(() => values.shift(), like);
const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const shown = (numbers) => Object.fromEntries(Object.entries(numbers).map(([name, x]) => [name, encode(x)]));
const shape = (tensor) => (Array.isArray(tensor) ? `[${tensor.map(shape)}]` : "");

class Refused extends Error {
  constructor(code, message) { super(message); this.code = code; }
}
class Unsupported extends Error {}

const DEFAULTS = { learning_rate: 1, beta: 0.9, weight_decay: 0, lower_bound: 0, bias_correction: false,
                   adapt_lower_bound: false, reset_margin: 0, proximal_decay: true };
const DOMAINS = { learning_rate: (x) => x >= 0, beta: (x) => x >= 0 && x < 1, weight_decay: (x) => x >= 0 && x < Infinity,
                  lower_bound: (x) => x < Infinity, reset_margin: (x) => x >= 0 && x < 1 };

function checked(hyper) {
  const values = { ...DEFAULTS };
  for (const [name, given] of Object.entries(hyper)) {
    if (!(name in DEFAULTS)) throw new Unsupported(name);
    const value = typeof given === "string" ? decode(given) : given;
    const code = "E_" + name.toUpperCase();
    if (typeof value !== typeof DEFAULTS[name]) throw new Refused(code + "_TYPE", `${name} of the wrong type`);
    if (name in DOMAINS && !DOMAINS[name](value)) throw new Refused(code + "_RANGE", `${name} is ${value}`);
    values[name] = value;
  }
  const { learning_rate: rate, lower_bound: bound } = values;
  if (rate === Infinity && (values.weight_decay !== 0 || bound === -Infinity))
    throw new Refused("E_LEARNING_RATE_RANGE", "an infinite rate needs a finite bound and no weight decay");
  if (values.adapt_lower_bound && bound === -Infinity)
    throw new Refused("E_LOWER_BOUND_RANGE", "the estimate needs a finite lower bound");
  if (!values.proximal_decay) throw new Unsupported("proximal_decay = false");
  return values;
}

class Momo {
  constructor(hyper, params) {
    this.hyper = checked(hyper);
    this.layout = params;
    this.params = params.flat(Infinity).map(decode);
    this.average = this.params.map(() => 0);
    this.weight = 0;
    this.predicted = 0;
    this.bound = this.hyper.lower_bound;
  }

  dump() { // all fields, their numbers as bit patterns, for another process
    return JSON.stringify(this, (_, x) => (typeof x === "number" ? encode(x) : x));
  }
  static load(state) {
    const fields = JSON.parse(state, (_, x) => (typeof x === "string" ? decode(x) : x));
    return Object.assign(Object.create(Momo.prototype), fields);
  }

  step(grads, lossText, ownHyper) {
    if (lossText === null) throw new Refused("E_LOSS_MISSING", "no loss");
    if (grads.length !== this.layout.length) throw new Refused("E_GRADS_NUMBER", "not one gradient for each tensor");
    if (grads.includes(null)) throw new Unsupported("a missing gradient");
    if (shape(grads) !== shape(this.layout)) throw new Refused("E_GRADS_SHAPE", "a gradient of another shape");
    const { learning_rate: rate, beta, weight_decay: decayRate, ...hyper } = checked({ ...this.hyper, ...ownHyper });
    const loss = decode(lossText), grad = grads.flat(Infinity).map(decode);
    const old = hyper.bias_correction || this.weight > 0 ? beta : 0;
    const weight = old * this.weight + (1 - old);
    const average = this.average.map((d, i) => old * d + (1 - old) * grad[i]);
    const decay = decayRate === 0 ? 0 : rate * decayRate, scale = 1 / (1 + decay), shrink = decay * scale;
    const normSq = dot(average, average);
    const value = (1 - old) * loss + old * this.predicted;

    const decayed = value - shrink * dot(average, this.params);
    let bound = this.bound;
    if (hyper.adapt_lower_bound && decayed - weight * bound < hyper.reset_margin * (decayed - weight * hyper.lower_bound))
      bound = hyper.lower_bound + Math.max(decayed / weight - hyper.lower_bound, 0) / 2;
    const cap = rate / weight, descent = scale * normSq;
    const size = descent > 0 ? Math.min(cap, Math.max(decayed - weight * bound, 0) / descent) : 0;
    if (hyper.adapt_lower_bound && rate > 0)
      bound = Math.max((value - size * normSq / 2) / weight, hyper.lower_bound);
    else bound = this.bound;
    const params = this.params.map((x, i) => (1 - shrink) * x - scale * size * average[i]);
    const predicted = value + dot(average, params.map((x, i) => x - this.params[i]));

    const skipped = ![loss, normSq, descent, predicted, ...params].every(Number.isFinite);
    if (!skipped) Object.assign(this, { params, average, weight, predicted, bound });
    const info = { step_size: skipped ? 0 : size, truncation: skipped ? 0 : size === cap ? 1 : size / cap,
                   lower_bound: this.bound, predicted_loss: this.predicted };
    return { params: unflatten(this.layout, this.params.map(encode)), info: shown(info), skipped };
  }
}

let optimizer;
const ANSWERS = {
  start: ({ rule }) => {
    if (rule !== "momo") throw new Unsupported(rule);
    return { protocol: 1, name: "momo.js", version: "1.0", dtypes: ["float64"], features: ["checkpoint"] };
  },
  init: ({ hyper, params, groups }) => {
    if (groups) throw new Unsupported("parameter groups");
    optimizer = new Momo(hyper, params);
    return {};
  },
  step: ({ grads, loss, hyper }) => optimizer.step(grads, loss, hyper),
  dump: () => ({ state: optimizer.dump() }),
  load: ({ state }) => { optimizer = Momo.load(state); return {}; },
  stop: () => ({}),
};
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  let reply;
  try {
    reply = ANSWERS[request.command](request);
  } catch (error) {
    if (error instanceof Refused) reply = { error: { code: error.code, message: error.message } };
    else if (error instanceof Unsupported) reply = { unsupported: error.message };
    else throw error;
  }
  console.log(JSON.stringify({ seq: request.seq, ...reply }));
}).on("close", () => process.exit(0));
