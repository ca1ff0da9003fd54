package configs

import (
	"errors"
	"net"
	"time"

	"github.com/hydrant-dev/hydrant/configs/field"
	"github.com/hydrant-dev/hydrant/source/firehose"
)

// Server configures the process.
type Server struct {
	DataDir          string          `yaml:"data_dir" doc:"The folder for everything that must outlive the process. One process at a time may use it."`
	API              firehose.Config `yaml:"api" doc:"The Firehose API, for producers."`
	Admin            Admin           `yaml:"admin" doc:"Metrics and health checks."`
	Buffer           Buffer          `yaml:"buffer" doc:"The durable buffer that all streams share."`
	ConversionMemory field.Size      `yaml:"conversion_memory" doc:"What all open files of columns (Parquet, ORC, Arrow) may hold in memory together. Beyond it the largest end their row groups early. Never more than half of the process's memory limit."`
	Log              Log             `yaml:"log" doc:"What is logged to standard error."`
	ShutdownTimeout  field.Duration  `yaml:"shutdown_timeout" doc:"How long a stop waits for running requests and deliveries. What is not delivered by then stays in the buffer."`
}

// Admin configures the port for operators.
type Admin struct {
	Listen string       `yaml:"listen" doc:"Address for /metrics, /livez and /readyz. Empty: no port."`
	Token  field.Secret `yaml:"token" doc:"Requests for metrics and streams must carry it: Authorization: Bearer and the token. Needed if listen can be reached from other machines."`
}

// Buffer configures the durable buffer.
type Buffer struct {
	MaxSize     field.Size    `yaml:"max_size" doc:"Bytes of undelivered records, over all streams, from which on puts are refused with ServiceUnavailableException."`
	MinFree     field.Percent `yaml:"min_free" doc:"Puts are refused when less than this share of the disk is free."`
	SegmentSize field.Size    `yaml:"segment_size" doc:"Size of one file of the buffer. Space is given back a file at a time."`
}

// Log configures what is logged.
type Log struct {
	Level  LogLevel  `yaml:"level" doc:"The least severe messages to log."`
	Format LogFormat `yaml:"format" doc:"auto is text on a terminal and json elsewhere."`
}

// LogLevel is a severity, as in package log/slog.
type LogLevel string

func (LogLevel) Values() []string { return []string{"debug", "info", "warn", "error"} }

func (l *LogLevel) UnmarshalText(text []byte) error {
	word, err := field.OneOf(text, l.Values()...)
	if err == nil {
		*l = LogLevel(word)
	}
	return err
}

// LogFormat is how log lines are written.
type LogFormat string

func (LogFormat) Values() []string { return []string{"auto", "text", "json"} }

func (l *LogFormat) UnmarshalText(text []byte) error {
	word, err := field.OneOf(text, l.Values()...)
	if err == nil {
		*l = LogFormat(word)
	}
	return err
}

// DefaultServer returns the settings of a server that a file says nothing about.
func DefaultServer() *Server {
	return &Server{
		DataDir: "/var/lib/hydrant",
		API:     firehose.Default(),
		Admin:   Admin{Listen: "127.0.0.1:4574"},
		Buffer:  Buffer{MaxSize: 50 << 30, MinFree: 0.05, SegmentSize: 64 << 20},
		Log:     Log{Level: "info", Format: "auto"},

		ConversionMemory: 512 << 20,

		ShutdownTimeout: field.Duration(25 * time.Second),
	}
}

// Validate checks what the fields cannot check on their own.
func (s *Server) Validate() error {
	var errs []error
	if s.DataDir == "" {
		errs = append(errs, field.Errorf("data_dir", "write a folder, such as /var/lib/hydrant", "is empty"))
	}
	errs = append(errs, field.Under("admin", s.Admin.Validate()))
	if s.Buffer.SegmentSize < 1<<20 || s.Buffer.SegmentSize > 1<<30 {
		errs = append(errs, field.Errorf("buffer.segment_size", "write a size from 1MiB to 1GiB; 64MiB suits most", "%v is out of range", s.Buffer.SegmentSize))
	}
	if s.Buffer.MaxSize < 2*s.Buffer.SegmentSize {
		errs = append(errs, field.Errorf("buffer.max_size", "write at least two segments", "%v is less than two segments of %v", s.Buffer.MaxSize, s.Buffer.SegmentSize))
	}
	if s.ConversionMemory < 16<<20 {
		errs = append(errs, field.Errorf("conversion_memory", "write at least 16MiB; 512MiB suits most", "%v is out of range", s.ConversionMemory))
	}
	if s.Buffer.MinFree > 0.9 {
		errs = append(errs, field.Errorf("buffer.min_free", "write at most 90%", "%v leaves no room for records", s.Buffer.MinFree))
	}
	errs = append(errs, field.Under("api", s.API.Validate()))
	return errors.Join(errs...)
}

// Validate refuses a port that everyone may use.
func (a *Admin) Validate() error {
	if a.Listen == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(a.Listen)
	if err != nil || port == "" {
		return field.Errorf("listen", "write an address like 127.0.0.1:4574", "%q is not an address with a port", a.Listen)
	}
	ip := net.ParseIP(host)
	if loopback := host == "localhost" || ip != nil && ip.IsLoopback(); !loopback && a.Token.Empty() {
		return field.Errorf("token", "add token: ${HYDRANT_TOKEN}, or listen on 127.0.0.1:"+port,
			"is missing, and %s can be reached from other machines", a.Listen)
	}
	return nil
}
