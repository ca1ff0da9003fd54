package firehose

import (
	"encoding/json"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"time"
)

// The words of DeliveryStreamStatus and DeliveryStreamType.
const (
	Active    = "ACTIVE"
	Creating  = "CREATING"
	Deleting  = "DELETING"
	Suspended = "SUSPENDED"

	DirectPut             = "DirectPut"
	KinesisStreamAsSource = "KinesisStreamAsSource"
	MSKAsSource           = "MSKAsSource"
)

// Description is what a stream says about itself.
type Description struct {
	Status  string // Active, Suspended, ...
	Type    string // DirectPut, ...
	Version int    // of its configuration, from 1 on
	Created time.Time
	Updated time.Time // zero until the configuration changed
	// S3 describes the destination; its Bucket is empty if the records go
	// somewhere else.
	S3 S3
}

// S3 describes a destination in object storage.
type S3 struct {
	Bucket            string
	Prefix            string
	ErrorOutputPrefix string
	SizeInMBs         int
	IntervalInSeconds int
	CompressionFormat string // "UNCOMPRESSED", "GZIP", ...
	FileExtension     string
	CustomTimeZone    string
	Conversion        *Conversion // nil: none
	SourceBackup      *S3         // of the records as they came; nil: none
}

// Conversion describes a format conversion, in the words of the API.
type Conversion struct {
	Enabled           bool
	CaseInsensitive   bool
	DotsToUnderscores bool
	Serializer        string // "ParquetSerDe", "OrcSerDe"
	Compression       string // of the serializer
}

// The JSON of DescribeDeliveryStream, as far as it says something here.
type (
	describeAnswer struct {
		DeliveryStreamDescription streamJSON
	}
	streamJSON struct {
		DeliveryStreamName                    string
		DeliveryStreamARN                     string
		DeliveryStreamStatus                  string
		DeliveryStreamEncryptionConfiguration *encryptionJSON `json:",omitempty"`
		DeliveryStreamType                    string
		VersionID                             string   `json:"VersionId"`
		CreateTimestamp                       *float64 `json:",omitempty"`
		LastUpdateTimestamp                   *float64 `json:",omitempty"`
		Destinations                          []destinationJSON
		HasMoreDestinations                   bool
	}
	encryptionJSON struct {
		Status string
	}
	destinationJSON struct {
		DestinationID                    string          `json:"DestinationId"`
		S3DestinationDescription         *s3JSON         `json:",omitempty"`
		ExtendedS3DestinationDescription *extendedS3JSON `json:",omitempty"`
	}
	s3JSON struct {
		RoleARN           string
		BucketARN         string
		Prefix            string `json:",omitempty"`
		ErrorOutputPrefix string `json:",omitempty"`
		BufferingHints    struct {
			SizeInMBs         int
			IntervalInSeconds int
		}
		CompressionFormat       string
		EncryptionConfiguration struct {
			NoEncryptionConfig string
		}
		CloudWatchLoggingOptions struct {
			Enabled bool
		}
	}
	extendedS3JSON struct {
		s3JSON
		S3BackupMode        string
		S3BackupDescription *s3JSON `json:",omitempty"`
		FileExtension       string  `json:",omitempty"`
		CustomTimeZone      string  `json:",omitempty"`

		DataFormatConversionConfiguration *conversionJSON `json:",omitempty"`
	}
	conversionJSON struct {
		SchemaConfiguration      struct{}
		InputFormatConfiguration struct {
			Deserializer struct{ OpenXJsonSerDe openXJSON }
		}
		OutputFormatConfiguration struct {
			Serializer map[string]serializerJSON
		}
		Enabled bool
	}
	openXJSON struct {
		CaseInsensitive                    bool
		ConvertDotsInJsonKeysToUnderscores bool
	}
	serializerJSON struct {
		Compression string
	}
)

func (h *Handler) describe(x *exchange, who *principal, body []byte) *apiError {
	q, err := decodeQuery(body)
	if err != nil {
		return err
	}
	var v violations
	v.streamName(q.name, q.hasName)
	v.limit(q)
	if err := v.err(); err != nil {
		return err
	}
	name := string(q.name)
	if !who.may(actionRead, name) {
		return h.denied(actionRead, "DescribeDeliveryStream", name)
	}
	stream, ok := h.streams.Stream(name)
	if !ok {
		return notFound(name, h.account)
	}
	return x.json(describeAnswer{h.streamJSON(name, stream.Describe())})
}

func (h *Handler) streamJSON(name string, d Description) streamJSON {
	s := streamJSON{
		DeliveryStreamName:   name,
		DeliveryStreamARN:    h.arn(name),
		DeliveryStreamStatus: d.Status,
		DeliveryStreamType:   d.Type,
		VersionID:            strconv.Itoa(d.Version),
		CreateTimestamp:      epochSeconds(d.Created),
		LastUpdateTimestamp:  epochSeconds(d.Updated),
		Destinations:         []destinationJSON{{DestinationID: "destinationId-000000000001"}},
	}
	if d.Type == DirectPut {
		s.DeliveryStreamEncryptionConfiguration = &encryptionJSON{"DISABLED"}
	}
	if d.S3.Bucket != "" {
		// The service describes an S3 destination twice, and clients read
		// either.
		plain := h.s3JSON(d.S3)
		s.Destinations[0].S3DestinationDescription = &plain
		extended := &extendedS3JSON{
			s3JSON:         plain,
			S3BackupMode:   "Disabled",
			FileExtension:  d.S3.FileExtension,
			CustomTimeZone: d.S3.CustomTimeZone,

			DataFormatConversionConfiguration: d.S3.Conversion.json(),
		}
		if d.S3.SourceBackup != nil {
			backup := h.s3JSON(*d.S3.SourceBackup)
			extended.S3BackupMode, extended.S3BackupDescription = "Enabled", &backup
		}
		s.Destinations[0].ExtendedS3DestinationDescription = extended
	}
	return s
}

func (h *Handler) s3JSON(d S3) s3JSON {
	s := s3JSON{
		// Clients require a role. There is none to assume here.
		RoleARN:           "arn:aws:iam::" + h.account + ":role/hydrant",
		BucketARN:         "arn:aws:s3:::" + d.Bucket,
		Prefix:            d.Prefix,
		ErrorOutputPrefix: d.ErrorOutputPrefix,
		CompressionFormat: d.CompressionFormat,
	}
	s.BufferingHints.SizeInMBs = d.SizeInMBs
	s.BufferingHints.IntervalInSeconds = d.IntervalInSeconds
	s.EncryptionConfiguration.NoEncryptionConfig = "NoEncryption"
	return s
}

// json leaves the schema empty: it is not in a catalog.
func (c *Conversion) json() *conversionJSON {
	if c == nil {
		return nil
	}
	j := &conversionJSON{Enabled: c.Enabled}
	j.InputFormatConfiguration.Deserializer.OpenXJsonSerDe = openXJSON{c.CaseInsensitive, c.DotsToUnderscores}
	j.OutputFormatConfiguration.Serializer = map[string]serializerJSON{c.Serializer: {c.Compression}}
	return j
}

// epochSeconds returns t in the API's form, or nil for no time.
func epochSeconds(t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	s := float64(t.UnixMilli()) / 1000
	return &s
}

type listAnswer struct {
	DeliveryStreamNames    []string
	HasMoreDeliveryStreams bool
}

// list answers with the streams the key may read, and does not show that
// there are others.
func (h *Handler) list(x *exchange, who *principal, body []byte) *apiError {
	q, err := decodeQuery(body)
	if err != nil {
		return err
	}
	var v violations
	if q.hasStart {
		if len(q.start) < 1 || len(q.start) > 64 {
			v.add("exclusiveStartDeliveryStreamName", "have length between 1 and 64")
		}
	}
	v.limit(q)
	types := []string{DirectPut, KinesisStreamAsSource, MSKAsSource, "DatabaseAsSource"}
	if q.hasType && !slices.Contains(types, string(q.typ)) {
		v.add("deliveryStreamType", "satisfy enum value set: [DirectPut, KinesisStreamAsSource, MSKAsSource, DatabaseAsSource]")
	}
	if err := v.err(); err != nil {
		return err
	}
	limit := 10
	if q.hasLimit {
		limit = int(q.limit)
	}
	a := listAnswer{DeliveryStreamNames: []string{}}
	names := h.streams.Names()
	start := string(q.start)
	for _, name := range names[sort.Search(len(names), func(i int) bool { return names[i] > start }):] {
		if !who.may(actionRead, name) {
			continue
		}
		if q.hasType {
			stream, ok := h.streams.Stream(name)
			if !ok || stream.Describe().Type != string(q.typ) {
				continue
			}
		}
		if len(a.DeliveryStreamNames) == limit {
			a.HasMoreDeliveryStreams = true
			break
		}
		a.DeliveryStreamNames = append(a.DeliveryStreamNames, name)
	}
	return x.json(a)
}

func (x *exchange) json(answer any) *apiError {
	b, err := json.Marshal(answer)
	if err != nil {
		return &apiError{http.StatusInternalServerError, "InternalFailure", "The answer cannot be written."}
	}
	x.out = append(x.out, b...)
	return nil
}

// query is a decoded DescribeDeliveryStream or ListDeliveryStreams.
type query struct {
	name     []byte
	hasName  bool
	start    []byte
	hasStart bool
	typ      []byte
	hasType  bool
	limit    int64
	hasLimit bool
}

func (v *violations) limit(q query) {
	if q.hasLimit && q.limit < 1 {
		v.add("limit", "have value greater than or equal to 1")
	}
	if q.hasLimit && q.limit > 10000 {
		v.add("limit", "have value less than or equal to 10000")
	}
}

func decodeQuery(body []byte) (q query, refusal *apiError) {
	s := scanner{b: body}
	if err := s.open('{', "expected an object"); err != nil {
		return q, serialization(err)
	}
	for first := true; ; first = false {
		name, more, err := s.member(first)
		if err == nil && !more {
			if err = s.end(); err == nil {
				return q, nil
			}
		}
		if err != nil {
			return q, serialization(err)
		}
		switch string(name) {
		case "DeliveryStreamName":
			q.name, q.hasName, err = s.stringMember("DeliveryStreamName")
		case "ExclusiveStartDeliveryStreamName":
			q.start, q.hasStart, err = s.stringMember("ExclusiveStartDeliveryStreamName")
		case "DeliveryStreamType":
			q.typ, q.hasType, err = s.stringMember("DeliveryStreamType")
		case "Limit":
			q.limit, q.hasLimit, err = s.intMember("Limit")
		default:
			err = s.skip(1)
		}
		if err != nil {
			return q, serialization(err)
		}
	}
}
