// Reads ORC files with Apache ORC's Java library, which Hive, Spark and Athena
// read with; see child.go for what is spoken.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;

import com.google.gson.JsonParser;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.orc.storage.ql.exec.vector.*;
import org.apache.orc.OrcFile;
import org.apache.orc.Reader;
import org.apache.orc.RecordReader;
import org.apache.orc.TypeDescription;

public class Rows {
    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            StringBuilder answer = new StringBuilder();
            try {
                read(JsonParser.parseString(line).getAsJsonObject().get("path").getAsString(), answer);
            } catch (Throwable e) {
                answer.setLength(0);
                answer.append("{\"error\":");
                quote(answer, e.toString());
                answer.append('}');
            }
            out.println(answer);
            out.flush();
        }
    }

    static void read(String path, StringBuilder out) throws Exception {
        try (Reader reader = OrcFile.createReader(new Path(path), OrcFile.readerOptions(new Configuration())
                .useUTCTimestamp(true).convertToProlepticGregorian(true))) {
            TypeDescription schema = reader.getSchema();
            out.append("{\"columns\":[");
            for (int i = 0; i < schema.getFieldNames().size(); i++) {
                out.append(i == 0 ? "[" : ",[");
                quote(out, schema.getFieldNames().get(i));
                out.append(',');
                quote(out, schema.getChildren().get(i).toString());
                out.append(']');
            }
            out.append("],\"rows\":[");
            VectorizedRowBatch batch = schema.createRowBatchV2();
            RecordReader rows = reader.rows();
            long seen = 0;
            while (rows.nextBatch(batch)) {
                for (int r = 0; r < batch.size; r++) {
                    out.append(seen++ == 0 ? "" : ",");
                    struct(out, schema, batch.cols, r);
                }
            }
            if (seen != reader.getNumberOfRows()) {
                throw new Exception("the footer says " + reader.getNumberOfRows() + " rows, " + seen + " came");
            }
            out.append("]}");
        }
    }

    static void struct(StringBuilder out, TypeDescription type, ColumnVector[] fields, int row) {
        List<String> names = type.getFieldNames();
        out.append("{\"s\":{");
        for (int i = 0; i < fields.length; i++) {
            out.append(i == 0 ? "" : ",");
            quote(out, names.get(i));
            out.append(':');
            value(out, type.getChildren().get(i), fields[i], row);
        }
        out.append("}}");
    }

    static void value(StringBuilder out, TypeDescription type, ColumnVector vector, int row) {
        if (vector.isRepeating) {
            row = 0;
        }
        if (!vector.noNulls && vector.isNull[row]) {
            out.append("null");
            return;
        }
        switch (type.getCategory()) {
            case BOOLEAN:
                out.append(((LongColumnVector) vector).vector[row] == 1);
                return;
            case BYTE: case SHORT: case INT: case LONG:
                out.append("\"i").append(((LongColumnVector) vector).vector[row]).append('"');
                return;
            case FLOAT: {
                double v = ((DoubleColumnVector) vector).vector[row];
                out.append("\"f").append(Integer.toHexString(Float.floatToIntBits((float) v))).append('"');
                return;
            }
            case DOUBLE:
                out.append("\"d").append(Long.toHexString(Double.doubleToLongBits(((DoubleColumnVector) vector).vector[row]))).append('"');
                return;
            case DECIMAL: {
                String digits = vector instanceof Decimal64ColumnVector
                    ? new java.math.BigDecimal(BigInteger.valueOf(((Decimal64ColumnVector) vector).vector[row]), type.getScale()).toPlainString()
                    : ((DecimalColumnVector) vector).vector[row].getHiveDecimal().bigDecimalValue().setScale(type.getScale()).toPlainString();
                out.append("\"n").append(digits).append('"');
                return;
            }
            case STRING: case VARCHAR: case CHAR:
                quote(out, "s" + new String(bytes(vector, row), StandardCharsets.UTF_8));
                return;
            case BINARY:
                out.append("\"x").append(Base64.getEncoder().encodeToString(bytes(vector, row))).append('"');
                return;
            case DATE:
                out.append("\"D").append(((LongColumnVector) vector).vector[row]).append('"');
                return;
            case TIMESTAMP: case TIMESTAMP_INSTANT: {
                TimestampColumnVector v = (TimestampColumnVector) vector;
                BigInteger seconds = BigInteger.valueOf(Math.floorDiv(v.time[row], 1000L));
                out.append("\"T").append(seconds.multiply(BigInteger.valueOf(1000000000L)).add(BigInteger.valueOf(v.nanos[row]))).append('"');
                return;
            }
            case LIST: {
                ListColumnVector list = (ListColumnVector) vector;
                out.append('[');
                for (long i = 0; i < list.lengths[row]; i++) {
                    out.append(i == 0 ? "" : ",");
                    value(out, type.getChildren().get(0), list.child, (int) (list.offsets[row] + i));
                }
                out.append(']');
                return;
            }
            case MAP: {
                MapColumnVector map = (MapColumnVector) vector;
                out.append("{\"m\":[");
                for (long i = 0; i < map.lengths[row]; i++) {
                    out.append(i == 0 ? "[" : ",[");
                    value(out, type.getChildren().get(0), map.keys, (int) (map.offsets[row] + i));
                    out.append(',');
                    value(out, type.getChildren().get(1), map.values, (int) (map.offsets[row] + i));
                    out.append(']');
                }
                out.append("]}");
                return;
            }
            case STRUCT:
                struct(out, type, ((StructColumnVector) vector).fields, row);
                return;
            default:
                throw new IllegalArgumentException("no form for " + type);
        }
    }

    static byte[] bytes(ColumnVector vector, int row) {
        BytesColumnVector v = (BytesColumnVector) vector;
        return Arrays.copyOfRange(v.vector[row], v.start[row], v.start[row] + v.length[row]);
    }

    static void quote(StringBuilder out, String s) {
        out.append('"');
        for (char c : s.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
