// Command hydrant runs delivery streams on one's own machines: the work of
// Amazon Data Firehose, with its API.
//
// Each command is a file here that connects parts and has no logic of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones in prefixes, also where the system has none

	"golang.org/x/term"

	"github.com/hydrant-dev/hydrant/internal/logs"
)

// The exit codes.
const (
	exitOK          = 0
	exitProblems    = 1 // something did not work, or check found a mistake
	exitUsage       = 2 // unknown command, flag or argument
	exitUnreachable = 3 // the server does not answer
	exitPartly      = 4 // some of the work is done, some is not
)

// exitError is an error with an exit code of its own. An error without a text
// was shown already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// Main is the program, apart from the process it runs in.
type Main struct {
	Env    func(string) (string, bool)
	Reload <-chan os.Signal // each makes run read its configuration again
}

func main() {
	ctx, stop := context.WithCancel(context.Background())
	first := make(chan os.Signal, 1)
	signal.Notify(first, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-first
		// Before anything else happens: the second one ends the process at once.
		signal.Reset(os.Interrupt, syscall.SIGTERM)
		stop()
	}()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	m := Main{Env: os.LookupEnv, Reload: reload}
	os.Exit(m.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Run executes a command line and returns the exit code. When ctx is done the
// command ends in an orderly way.
func (m *Main) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &command{Main: m, stdin: stdin, stdout: stdout, stderr: stderr}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitUsage
	if c.started {
		code = exitProblems
	}
	var own *exitError
	if errors.As(err, &own) {
		code = own.code
	}
	if text := err.Error(); text != "" {
		fmt.Fprintf(stderr, "hydrant: %s\n", lines(text))
	}
	return code
}

// command is what all commands share.
type command struct {
	*Main
	stdin          io.Reader
	stdout, stderr io.Writer
	started        bool // the command line was right, the command is running

	config []string // files and folders
}

// terminal reports whether a person reads w as it is written.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// coloured reports whether w takes colours.
func (c *command) coloured(w io.Writer) bool {
	none, _ := c.Env("NO_COLOR")
	kind, _ := c.Env("TERM")
	return terminal(w) && none == "" && kind != "dumb"
}

// lines escapes each line of a text for people, which may quote what came
// from outside.
func lines(text string) string {
	var out []byte
	for i, start := 0, 0; i <= len(text); i++ {
		if i == len(text) || text[i] == '\n' {
			out = append(out, logs.Escape(text[start:i])...)
			if i < len(text) {
				out = append(out, '\n')
			}
			start = i + 1
		}
	}
	return string(out)
}
