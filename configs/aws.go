package configs

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/hydrant-dev/hydrant/configs/field"
)

// awsNames are the names in Firehose's API of the fields of a stream.
var awsNames = map[string]string{
	"bucket":              "BucketARN",
	"prefix":              "Prefix",
	"error_output_prefix": "ErrorOutputPrefix",
	"custom_time_zone":    "CustomTimeZone",
	"file_extension":      "FileExtension",
	"compression_format":  "CompressionFormat",
	"buffering_hints":     "BufferingHints",
	"size":                "SizeInMBs",
	"interval":            "IntervalInSeconds",
	"tags":                "Tags",

	"s3_backup_mode":        "S3BackupMode",
	"s3_backup":             "S3BackupConfiguration",
	"retry_options":         "RetryOptions",
	"duration":              "DurationInSeconds",
	"url":                   "Url",
	"access_key":            "AccessKey",
	"request_configuration": "RequestConfiguration",
	"content_encoding":      "ContentEncoding",
	"common_attributes":     "CommonAttributes",

	"hec_endpoint":               "HECEndpoint",
	"hec_endpoint_type":          "HECEndpointType",
	"hec_token":                  "HECToken",
	"hec_acknowledgment_timeout": "HECAcknowledgmentTimeoutInSeconds",

	"data_format_conversion": "DataFormatConversionConfiguration",
	"enabled":                "Enabled",
	"input_format":           "InputFormatConfiguration",
	"output_format":          "OutputFormatConfiguration",
	"schema":                 "SchemaConfiguration",
	"parquet":                "ParquetSerDe",
	"orc":                    "OrcSerDe",
	"case_insensitive":       "CaseInsensitive",
	"timestamp_formats":      "TimestampFormats",

	"compression":              "Compression",
	"row_group_size":           "BlockSizeBytes",
	"page_size":                "PageSizeBytes",
	"dictionary":               "EnableDictionaryCompression",
	"writer_version":           "WriterVersion",
	"stripe_size":              "StripeSizeBytes",
	"block_size":               "BlockSizeBytes",
	"row_index_stride":         "RowIndexStride",
	"dictionary_key_threshold": "DictionaryKeyThreshold",
	"bloom_filter_columns":     "BloomFilterColumns",
	"enable_padding":           "EnablePadding",
	"padding_tolerance":        "PaddingTolerance",
	"format_version":           "FormatVersion",

	"convert_dots_in_json_keys_to_underscores": "ConvertDotsInJsonKeysToUnderscores",
	"column_to_json_key_mappings":              "ColumnToJsonKeyMappings",
}

// awsHelp knows the names of Firehose's API, so that a pasted AWS
// configuration gets a useful answer. Value is what is written at word.
func awsHelp(f *Field, word, value string) (help, meant string) {
	if word == "" || !unicode.IsUpper(rune(word[0])) {
		return "", ""
	}
	if text, ok := awsOnly[word]; ok {
		return "in AWS this is " + word + "; here " + text, ""
	}
	var found *Field
	f.walk(func(c *Field) {
		if found == nil && c != f && (c.AWS == word || c.Name == snakeCase(word)) {
			found = c
		}
	})
	if found == nil {
		return "", ""
	}
	path := strings.TrimPrefix(found.Path, f.Path+".")
	if !strings.Contains(path, ".") {
		meant = path
	}
	text := sample(found, value)
	if n, err := strconv.ParseInt(value, 10, 62); err == nil && found.Kind == Size && strings.HasSuffix(word, "Bytes") {
		text = field.Size(n).String() + " (a size with a unit)"
	}
	return "in AWS this is " + word + "; here write " + path + ": " + text, meant
}

// sample is what to write in a field, made from what is written where AWS
// has it.
func sample(f *Field, value string) string {
	number := value != "" && strings.Trim(value, "0123456789") == ""
	switch f.Kind {
	case Size:
		if !number {
			value = "64"
		}
		return value + "MiB (a size with a unit)"
	case Duration:
		if !number {
			value = "60"
		}
		return value + "s (a duration with a unit)"
	case Word:
		for _, word := range f.Values {
			if strings.EqualFold(word, value) {
				return word
			}
		}
		return strings.Join(f.Values, " | ")
	case Secret:
		return "${VARIABLE}"
	case Object, Choice, Map:
		return braces(f)
	case List:
		return "[…]"
	}
	switch {
	case strings.HasPrefix(value, "arn:aws:s3:::"):
		return strings.TrimPrefix(value, "arn:aws:s3:::") + " (the name, without arn:aws:s3:::)"
	case strings.HasPrefix(value, "!"):
		return "'" + value + "'"
	case value != "":
		return shorten(value)
	case f.Default != "":
		return f.Default
	}
	return "…"
}

// awsOnly are names of Firehose's API that have no field here.
var awsOnly = map[string]string{
	"RoleARN":                              "there are no roles: put access_key_id and secret_access_key into a connection",
	"EncryptionConfiguration":              "encryption is set on the bucket; leave it out",
	"KMSEncryptionConfig":                  "encryption is set on the bucket; leave it out",
	"CloudWatchLoggingOptions":             "errors are in the log and in the error output; leave it out",
	"DeliveryStreamType":                   "the source says it: write source: {direct_put: {}}",
	"DeliveryStreamName":                   "the name is the stream's key under streams",
	"S3DestinationConfiguration":           "write destination: {s3: {…}}",
	"ExtendedS3DestinationConfiguration":   "write destination: {s3: {…}}",
	"HttpEndpointDestinationConfiguration": "write destination: {http_endpoint: {…}}",
	"SplunkDestinationConfiguration":       "write destination: {splunk: {…}}",
	"EndpointConfiguration":                "url, name and access_key stand in http_endpoint itself",

	"OpenXJsonSerDe": "write input_format: {json: {…}}",
	"HiveJsonSerDe":  "write input_format: {json: {…}}",
	"Deserializer":   "its one key stands below input_format: write json: {…}",
	"Serializer":     "its one key stands below output_format: write parquet: {…} or orc: {…}",
	"DatabaseName":   "there is no catalog: save the table with aws glue get-table and write file: table.json",
	"TableName":      "there is no catalog: save the table with aws glue get-table and write file: table.json",

	"DeliveryStreamEncryptionConfigurationInput": "encryption is the disk's; leave it out",
}

// snakeCase writes an AWS name as Terraform does: BucketARN is bucket_arn.
func snakeCase(s string) string {
	var b strings.Builder
	for i, c := range s {
		if unicode.IsUpper(c) {
			startsWord := i > 0 && (!unicode.IsUpper(rune(s[i-1])) || i+1 < len(s) && unicode.IsLower(rune(s[i+1])))
			if startsWord {
				b.WriteByte('_')
			}
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}
