// What JavaScript readers share: the forms of values, and the conversation;
// see child.go and value.go.
const { createInterface } = require("node:readline");

const view = new DataView(new ArrayBuffer(8));
const hex = (n) => n.toString(16);

exports.boolean = (v) => v;
exports.integer = (v) => "i" + v;
exports.float = (v) => (view.setFloat32(0, v), "f" + hex(view.getUint32(0)));
exports.double = (v) => (view.setFloat64(0, v), "d" + hex(view.getBigUint64(0)));
exports.decimal = (unscaled, scale) => {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const point = digits.length - scale;
  return "n" + (unscaled < 0n ? "-" : "") + digits.slice(0, point) + (scale ? "." + digits.slice(point) : "");
};
exports.text = (v) => "s" + v;
exports.bytes = (v) => "x" + Buffer.from(v).toString("base64");
exports.date = (days) => "D" + days;
exports.timestamp = (nanoseconds) => "T" + nanoseconds;
exports.map = (pairs) => ({ m: pairs });
exports.struct = (fields) => ({ s: Object.fromEntries(fields) });

exports.serve = async (open) => {
  const answer = await open();
  for await (const line of createInterface({ input: process.stdin })) {
    let out;
    try {
      out = await answer(JSON.parse(line));
    } catch (e) {
      out = { error: String(e.message ?? e) };
    }
    process.stdout.write(JSON.stringify(out) + "\n");
  }
};
