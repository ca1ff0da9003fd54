package firehose

import (
	"strings"
	"testing"
)

func TestConversionIsDescribedInFirehosesWords(t *testing.T) {
	s := direct()
	s.description.S3.Conversion = &Conversion{Enabled: true, CaseInsensitive: true, Serializer: "ParquetSerDe", Compression: "SNAPPY"}
	h := NewHandler(Default(), memoryStreams{"web": s}, Events{})
	got := call(h, "DescribeDeliveryStream", `{"DeliveryStreamName":"web"}`).Body.String()
	want := `"DataFormatConversionConfiguration":{"SchemaConfiguration":{},` +
		`"InputFormatConfiguration":{"Deserializer":{"OpenXJsonSerDe":{"CaseInsensitive":true,"ConvertDotsInJsonKeysToUnderscores":false}}},` +
		`"OutputFormatConfiguration":{"Serializer":{"ParquetSerDe":{"Compression":"SNAPPY"}}},"Enabled":true}`
	if strings.Count(got, want) != 1 {
		t.Errorf("answer\n%s\nlacks\n%s", got, want)
	}
}
