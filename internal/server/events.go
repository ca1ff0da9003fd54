package server

import (
	"time"

	"github.com/hydrant-dev/hydrant/buffer"
	"github.com/hydrant-dev/hydrant/internal/logs"
	"github.com/hydrant-dev/hydrant/source/firehose"
	"github.com/hydrant-dev/hydrant/stream"
)

// join tells all listeners what the engine does.
func join(all ...stream.Events) stream.Events {
	return stream.Events{
		State: func(name string, st stream.State, reason string) {
			for _, e := range all {
				if e.State != nil {
					e.State(name, st, reason)
				}
			}
		},
		Cut: func(name string, p buffer.Plan) {
			for _, e := range all {
				if e.Cut != nil {
					e.Cut(name, p)
				}
			}
		},
		Delivered: func(name string, d stream.Delivered) {
			for _, e := range all {
				if e.Delivered != nil {
					e.Delivered(name, d)
				}
			}
		},
		Retry: func(name string, r stream.Retry) {
			for _, e := range all {
				if e.Retry != nil {
					e.Retry(name, r)
				}
			}
		},
		Restart: func(name string, err error, wait time.Duration) {
			for _, e := range all {
				if e.Restart != nil {
					e.Restart(name, err, wait)
				}
			}
		},
		Done: func(name string, p buffer.Plan, o buffer.Outcome) {
			for _, e := range all {
				if e.Done != nil {
					e.Done(name, p, o)
				}
			}
		},
	}
}

// joinBuffer tells all listeners what the log does.
func joinBuffer(all ...buffer.Events) buffer.Events {
	return buffer.Events{
		Synced: func(name string, d time.Duration, bytes int) {
			for _, e := range all {
				if e.Synced != nil {
					e.Synced(name, d, bytes)
				}
			}
		},
		Damaged: func(name string, d buffer.Damage) {
			for _, e := range all {
				if e.Damaged != nil {
					e.Damaged(name, d)
				}
			}
		},
		SegmentFailed: func(name string, err error) {
			for _, e := range all {
				if e.SegmentFailed != nil {
					e.SegmentFailed(name, err)
				}
			}
		},
		Foreign: func(name string) {
			for _, e := range all {
				if e.Foreign != nil {
					e.Foreign(name)
				}
			}
		},
	}
}

// doorEvents counts and logs what happens at the API.
func (s *Server) doorEvents() firehose.Events {
	return firehose.Events{
		Put:          s.metrics.Put,
		AppendFailed: logs.NewRefusals(s.log).Refused,
		AuthFailed: func(remote, code string) {
			s.metrics.AuthFailed(code)
			s.log.Debug("request was not let in", "remote", remote, "code", code)
		},
		Connection: func(text string) { s.log.Debug("connection failed", "err", text) },
	}
}
