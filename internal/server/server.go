// Package server puts the parts of a running hydrant together: it opens the
// data directory, starts the streams and then the listeners, and stops them
// in the opposite order. Nothing that was acknowledged depends on an orderly
// stop; a kill at any moment is as good.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/buffer/vfs"
	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/convert/column"
	"github.com/hydrant-dev/hydrant/internal/admin"
	"github.com/hydrant-dev/hydrant/internal/logs"
	"github.com/hydrant-dev/hydrant/internal/metrics"
	"github.com/hydrant-dev/hydrant/source/firehose"
	"github.com/hydrant-dev/hydrant/stream"
)

// Options are what a server needs besides its configuration.
type Options struct {
	Env func(string) (string, bool) // looks up variables in the configuration
	Log *slog.Logger
	// Events is told, beside the metrics and the log, what the engine does.
	Events stream.Events
	// TLSDir is where the self-made certificate is kept; "": in the data
	// directory.
	TLSDir string
	// Offline opens no listener: for delivering what is buffered.
	Offline bool
}

// Server is a running hydrant.
type Server struct {
	env     func(string) (string, bool)
	log     *slog.Logger
	metrics *metrics.Metrics
	fs      vfs.FS
	dir     *buffer.Dir
	set     *stream.Set
	config  atomic.Pointer[configs.Config]
	memory  column.Budget // of the encoders of all streams

	reloading sync.Mutex // one Apply at a time; guards revisions
	revisions map[string]revision

	admin   *admin.Server     // nil: none
	handler *firehose.Handler // nil: no listener
	door    *firehose.Server
	api     net.Listener

	serving *errgroup.Group
	broken  context.Context // done when a listener fails
}

// ballast is given up when the disk is full, so that checkpoints can still be
// written.
const ballast = 64 << 20

// Start opens everything. A stream that cannot start is suspended and the
// others run; any other problem is an error, and nothing is left open.
func Start(ctx context.Context, config *configs.Config, o Options) (_ *Server, err error) {
	s := &Server{env: o.Env, log: o.Log, metrics: metrics.New(), revisions: map[string]revision{}}
	// Half of what a container gives us is for everything else.
	s.memory.Limit = min(int64(config.Server.ConversionMemory), debug.SetMemoryLimit(-1)/2)
	s.serving, s.broken = errgroup.WithContext(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			stopped, cancel := context.WithCancel(ctx)
			cancel() // there is nothing to wait for
			err = errors.Join(err, s.Stop(stopped))
		}
	}()
	lines := logs.NewStreams(o.Log, slog.LevelDebug)
	if err := s.openDir(config, lines.Buffer()); err != nil {
		return nil, err
	}
	s.set = stream.NewSet(s.dir, s.fs, join(s.metrics.Stream(), lines.Events(), o.Events))
	s.Apply(ctx, config)
	if len(config.Streams) == 0 {
		s.log.Warn("no delivery stream is configured, so every put will be refused; add one below streams")
	}
	s.reportOrphans()
	s.reportFollowers()
	if o.Offline {
		return s, nil
	}
	if err := s.listenAdmin(config.Server.Admin); err != nil {
		return nil, err
	}
	if err := s.listenAPI(config, o.TLSDir); err != nil {
		return nil, err
	}
	if s.admin != nil {
		s.admin.SetReady(true)
	}
	return s, nil
}

func (s *Server) openDir(config *configs.Config, lines buffer.Events) (err error) {
	root := config.Server.DataDir
	if s.fs, err = vfs.OS(root); err != nil {
		return fmt.Errorf("%w; choose another server.data_dir or correct its permissions", err)
	}
	kind, err := vfs.Kind(root)
	if err != nil {
		return fmt.Errorf("look at data directory: %w", err)
	}
	if text := vfs.Warning(kind); text != "" {
		s.log.Warn(text, "data_dir", root)
	}
	events := joinBuffer(s.metrics.Buffer(), lines, buffer.Events{
		Foreign: func(name string) {
			s.log.Warn("there is something in the data directory that is not hydrant's; it is left alone", "name", name)
		},
	})
	b := config.Server.Buffer
	s.dir, err = buffer.OpenDir(s.fs, buffer.DirOptions{
		MaxSize: int64(b.MaxSize), MinFree: float64(b.MinFree), SegmentSize: int64(b.SegmentSize),
		Ballast: min(ballast, int64(b.SegmentSize)), Events: events,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", root, err)
	}
	return nil
}

// reportOrphans says what is buffered for streams that nobody configured.
func (s *Server) reportOrphans() {
	names, err := s.dir.Streams()
	if err != nil {
		s.log.Error("cannot list the streams on disk", "err", err)
		return
	}
	for _, name := range names {
		if _, ok := s.set.Stream(name); ok {
			continue
		}
		log, err := s.dir.OpenLog(name, buffer.LogOptions{})
		if err != nil {
			s.log.Error("a stream that is not in the configuration has a buffer that cannot be opened", "stream", name, "err", err)
			continue
		}
		if waiting := log.Ledger().Buffered; waiting.Records > 0 {
			s.log.Warn("records are buffered for a stream that is not in the configuration; put it back to deliver them, or save them with: hydrant buffer export "+name,
				"stream", name, "records", waiting.Records, "bytes", waiting.Bytes)
		}
		for _, h := range log.Holders() {
			if h.Stream != name && h.Waiting.Records > 0 {
				s.log.Warn("a stream followed one that is not in the configuration, and has not delivered all of it; put that one back, or give the records up with: hydrant buffer release "+h.Stream,
					"stream", h.Stream, "followed", name, "records", h.Waiting.Records, "bytes", h.Waiting.Bytes)
			}
		}
		if err := log.Close(); err != nil {
			s.log.Error("cannot close buffer", "stream", name, "err", err)
		}
	}
}

// reportFollowers says which streams that nobody configured hold the log of
// another one back. One that has delivered everything is let go.
func (s *Server) reportFollowers() {
	for _, st := range s.set.Streams() {
		for _, h := range st.Status().Holders {
			if _, ok := s.set.Stream(h.Stream); ok {
				continue
			}
			if h.Waiting.Records > 0 {
				s.log.Warn("a stream that is not in the configuration holds the log of one that it followed; put it back to deliver the records, or give them up with: hydrant buffer release "+h.Stream,
					"stream", h.Stream, "follows", st.Name(), "records", h.Waiting.Records, "bytes", h.Waiting.Bytes, "disk_bytes", h.Bytes)
			} else if _, err := s.set.Release(st.Name(), h.Stream); err != nil {
				s.log.Error("cannot let go of a stream that is not in the configuration", "stream", h.Stream, "follows", st.Name(), "err", err)
			}
		}
	}
}

func (s *Server) listenAdmin(c configs.Admin) (err error) {
	s.metrics.Watch(metrics.Sources{
		Streams: s.set.Streams, Kinds: s.kinds, Free: s.fs.Free,
		MaxSize: func() int64 { return int64(s.config.Load().Server.Buffer.MaxSize) },
		Memory:  &s.memory,
	})
	if c.Listen == "" {
		return nil
	}
	s.admin, err = admin.Listen(c.Listen, admin.Options{
		Streams: s.set.Streams, Disk: s.dir.Health, Metrics: s.metrics.Handler(), Token: c.Token, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.serving.Go(s.admin.Serve)
	return nil
}

// tlsDir is where in the data directory the self-made certificate is.
const tlsDir = "tls"

func (s *Server) listenAPI(config *configs.Config, folder string) (err error) {
	c := firehose.Config(config.Server.API)
	if folder == "" {
		folder = filepath.Join(config.Server.DataDir, tlsDir)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("create folder for certificates: %w", err)
	}
	s.handler = firehose.NewHandler(c, streams{s}, s.doorEvents())
	if s.door, err = firehose.OpenServer(c, s.handler, folder); err != nil {
		return err
	}
	if s.api, err = firehose.Listen(c.Listen); err != nil {
		return err
	}
	s.serving.Go(func() error { return s.door.Serve(s.api) })
	return nil
}

// API is the address of the Firehose API.
func (s *Server) API() net.Addr { return s.api.Addr() }

// Admin is the address of the admin listener, or nil if there is none.
func (s *Server) Admin() net.Addr {
	if s.admin == nil {
		return nil
	}
	return s.admin.Addr()
}

// CAFile is the certificate that clients of the self-made one have to trust,
// or "" if a certificate is configured.
func (s *Server) CAFile() string { return s.door.CAFile() }

// Streams returns all streams, sorted by name.
func (s *Server) Streams() []*stream.Stream { return s.set.Streams() }

// Alive returns when it could look at every stream: it hangs if one hangs.
func (s *Server) Alive() bool {
	for _, st := range s.set.Streams() {
		st.Status()
	}
	return true
}

// Drain delivers what is buffered now, or gives up when ctx is done.
func (s *Server) Drain(ctx context.Context) error { return s.set.Drain(ctx) }

// Wait returns when ctx is done, or earlier if a listener fails.
func (s *Server) Wait(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.broken.Done():
	}
}

// Stop ends the server: not ready any more, no new requests, running requests
// answered, deliveries under way finished, all as long as ctx allows.
func (s *Server) Stop(ctx context.Context) error {
	var errs []error
	if s.admin != nil {
		s.admin.SetReady(false)
	}
	if s.api != nil {
		errs = append(errs, s.door.Shutdown(ctx))
	}
	if s.set != nil {
		errs = append(errs, s.set.Close(ctx))
	}
	if s.dir != nil {
		errs = append(errs, s.dir.Close())
	}
	if s.admin != nil { // last, so that one can watch
		errs = append(errs, s.admin.Shutdown(ctx))
	}
	return errors.Join(append(errs, s.serving.Wait())...)
}
