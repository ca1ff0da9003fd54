// Converts a file by ClickHouse on one thread; see job and converted.
const { query } = require("chdb");

const c = JSON.parse(require("fs").readFileSync(0));
// What getrusage says of the highest memory, a child inherits.
const peak = () => Number(/VmHWM:\s*(\d+)/.exec(require("fs").readFileSync("/proc/self/status"))[1]);
const quote = (s) => "'" + s.replaceAll("\\", "\\\\").replaceAll("'", "\\'") + "'";
query("SELECT 1", "CSV"); // it has started then

const format = c.Format === "orc" ? "ORC" : "Parquet";
const before = process.cpuUsage(), begun = process.hrtime.bigint();
query(`INSERT INTO FUNCTION file(${quote(c.Output)}, '${format}')
  SELECT * FROM file(${quote(c.Input)}, 'JSONEachRow', ${quote(c.Structure)})
  SETTINGS max_threads = ${c.CPUs}, max_insert_threads = 1, max_parsing_threads = 1,
    input_format_parallel_parsing = 0, output_format_parallel_formatting = 0,
    output_format_parquet_parallel_encoding = 0, input_format_skip_unknown_fields = 1, input_format_null_as_default = 1,
    date_time_input_format = 'best_effort', engine_file_truncate_on_insert = 1,
    max_block_size = 122880, min_insert_block_size_rows = 122880, output_format_parquet_row_group_size = 122880,
    output_format_parquet_compression_method = '${c.Format === "parquet" ? c.Compression : "snappy"}',
    output_format_orc_compression_method = '${c.Format === "orc" ? c.Compression : "snappy"}'`, "CSV");
const spent = process.cpuUsage(before), took = process.hrtime.bigint() - begun;
console.log(JSON.stringify({
  CPU: (spent.user + spent.system) / 1e6, Wall: Number(took) / 1e9, Memory: peak() * 1024,
}));
