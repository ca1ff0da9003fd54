// Converts a file by DuckDB on one thread; see job and converted.
const { DuckDBInstance } = require("@duckdb/node-api");

// What getrusage says of the highest memory, a child inherits.
const peak = () => Number(/VmHWM:\s*(\d+)/.exec(require("fs").readFileSync("/proc/self/status"))[1]);
const quote = (s) => "'" + s.replaceAll("'", "''") + "'";

(async () => {
  const c = JSON.parse(require("fs").readFileSync(0));
  const instance = await DuckDBInstance.create(":memory:", { threads: String(c.CPUs) });
  const connection = await instance.connect();
  await connection.run("SET preserve_insertion_order = true");
  const columns = Object.entries(c.Columns).map(([name, type]) => quote(name) + ": " + quote(type)).join(", ");
  const before = process.cpuUsage(), begun = process.hrtime.bigint();
  await connection.run(`COPY (SELECT * FROM read_json(${quote(c.Input)}, format = 'newline_delimited', columns = {${columns}}))
    TO ${quote(c.Output)} (FORMAT parquet, COMPRESSION ${c.Compression}, ROW_GROUP_SIZE 122880)`);
  const spent = process.cpuUsage(before), took = process.hrtime.bigint() - begun;
  console.log(JSON.stringify({
    CPU: (spent.user + spent.system) / 1e6, Wall: Number(took) / 1e9, Memory: peak() * 1024,
  }));
})().catch((e) => { console.error(e); process.exit(1); });
