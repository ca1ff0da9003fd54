package main

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/pdata/plog"
)

// records is an encoding for the receiver of Firehose's requests: each record
// becomes one log entry with its bytes as they are. The encodings that the
// receiver brings along take the records of CloudWatch only.
type records struct{}

func newRecordsFactory() extension.Factory {
	return extension.NewFactory(component.MustNewType("records"),
		func() component.Config { return &struct{}{} },
		func(context.Context, extension.Settings, component.Config) (extension.Extension, error) {
			return records{}, nil
		},
		component.StabilityLevelDevelopment)
}

func (records) Start(context.Context, component.Host) error { return nil }
func (records) Shutdown(context.Context) error              { return nil }

// UnmarshalLogs keeps nothing of record.
func (records) UnmarshalLogs(record []byte) (plog.Logs, error) {
	logs := plog.NewLogs()
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetEmptyBytes().FromRaw(record)
	return logs, nil
}
