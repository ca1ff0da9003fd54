package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/hydrant-dev/hydrant/configs"
	"github.com/hydrant-dev/hydrant/internal/cgroup"
	"github.com/hydrant-dev/hydrant/internal/heap"
	"github.com/hydrant-dev/hydrant/internal/logs"
	"github.com/hydrant-dev/hydrant/internal/server"
	"github.com/hydrant-dev/hydrant/internal/systemd"
	"github.com/hydrant-dev/hydrant/internal/version"
)

func (c *command) run() *cobra.Command {
	var watch, once bool
	cmd := &cobra.Command{
		Use:     "run [flags]",
		GroupID: "start",
		Short:   "Run the streams in your configuration",
		Long: `Run the streams in your configuration until SIGTERM or Ctrl-C.

SIGHUP reads the configuration again: streams that changed restart, the others
go on. What is accepted stays in the data directory until it is delivered,
whatever happens to the process. A second SIGTERM stops at once.`,
		Example: `  hydrant run                            the configuration in ./hydrant.yaml
  hydrant run -c hydrant.yaml --watch    read it again when it changes
  hydrant run -c /etc/hydrant --once     deliver what is buffered, then exit`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			paths, err := c.configPaths()
			if err != nil {
				return err
			}
			load := func() (*configs.Config, configs.Problems) { return configs.Load(paths, c.Env) }
			files := server.Look(paths)
			config, problems := load()
			if problems.Failed() {
				return errors.Join(&exitError{code: exitProblems}, problems.Render(c.stderr, c.coloured(c.stderr)))
			}
			log := c.logger(config.Server.Log)
			server.LogProblems(log, problems)
			r := runner{log: log, env: c.Env, config: config, load: load, reload: c.Reload}
			if watch {
				r.watch = files
			}
			if once {
				return r.drain(cmd.Context())
			}
			return r.serve(cmd.Context())
		},
	}
	c.configFlag(cmd)
	cmd.Flags().BoolVar(&watch, "watch", false, "read the configuration again when its files change")
	cmd.Flags().BoolVar(&once, "once", false, "deliver what is buffered, without taking records, then exit")
	return cmd
}

// logger writes to stderr as the configuration says.
func (c *command) logger(l configs.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		panic("hydrant: the configuration let a log level through: " + err.Error())
	}
	return logs.New(c.stderr, logs.Options{
		Format: string(l.Format), Level: level, Terminal: terminal(c.stderr), Colour: c.coloured(c.stderr),
	})
}

// runner is a server and what steers it from outside.
type runner struct {
	log    *slog.Logger
	env    func(string) (string, bool)
	config *configs.Config
	load   func() (*configs.Config, configs.Problems)
	reload <-chan os.Signal
	watch  *server.Files // read again when they change; nil: not
}

// serve runs until ctx is done.
func (r *runner) serve(ctx context.Context) error {
	limit := cgroup.SetMemoryLimit()
	s, err := server.Start(ctx, r.config, server.Options{Env: r.env, Log: r.log})
	if err != nil {
		return err
	}
	admin := "off"
	if a := s.Admin(); a != nil {
		admin = a.String()
	}
	r.log.Info("hydrant is ready", "version", version.Read().Version, "streams", len(s.Streams()),
		"api", s.API().String(), "admin", admin, "data_dir", r.config.Server.DataDir)
	if limit > 0 {
		r.log.Debug("the memory limit of the control group is obeyed", "bytes", limit)
	}
	r.notify(systemd.Ready)

	steering, cancel := context.WithCancel(ctx)
	var g errgroup.Group
	g.Go(func() error { return r.steer(steering, s) })
	g.Go(func() error { heap.Tune(steering); return nil })
	g.Go(func() error {
		if err := systemd.Watchdog(steering, s.Alive); err != nil {
			r.log.Warn("cannot reach the service manager", "err", err)
		}
		return nil
	})
	s.Wait(ctx)
	cancel()
	err = g.Wait()
	r.log.Info("stopping", "at_most", r.config.Server.ShutdownTimeout.String())
	r.notify(systemd.Stopping)
	return errors.Join(err, r.stop(s))
}

// steer reloads when it is asked to.
func (r *runner) steer(ctx context.Context, s *server.Server) error {
	changed := make(chan struct{}, 1)
	var g errgroup.Group
	if r.watch != nil {
		g.Go(func() error {
			r.watch.Watch(ctx, func() {
				select {
				case changed <- struct{}{}:
				default: // one is waiting already
				}
			})
			return nil
		})
	}
	for {
		select {
		case <-ctx.Done():
			return g.Wait()
		case <-r.reload:
		case <-changed:
		}
		r.notify(systemd.Reloading())
		if err := s.Reload(ctx, r.load); err != nil {
			r.log.Error(err.Error())
		}
		r.notify(systemd.Ready)
	}
}

// drain delivers what is buffered and stops.
func (r *runner) drain(ctx context.Context) error {
	s, err := server.Start(ctx, r.config, server.Options{Env: r.env, Log: r.log, Offline: true})
	if err != nil {
		return err
	}
	err = s.Drain(ctx)
	if err != nil {
		err = &exitError{exitPartly, fmt.Errorf("%w; what is left stays in the buffer", err)}
	}
	return errors.Join(err, r.stop(s))
}

// stop gives running work the time that is configured.
func (r *runner) stop(s *server.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), r.config.Server.ShutdownTimeout.Std())
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		return fmt.Errorf("stop: %w; what was accepted is in the buffer", err)
	}
	r.log.Info("stopped")
	return nil
}

func (r *runner) notify(state string) {
	if err := systemd.Notify(state); err != nil {
		r.log.Warn("cannot reach the service manager", "err", err)
	}
}
