package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// ready is for health checks where there is no other program to ask with, as
// in the container image.
func (c *command) ready() *cobra.Command {
	var admin string
	cmd := &cobra.Command{
		Use:     "ready [flags]",
		GroupID: "other",
		Short:   "Ask a running hydrant whether it takes records",
		Example: `  hydrant ready
  hydrant ready --admin 127.0.0.1:4674`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := askReady(cmd.Context(), admin)
			_, failed := io.WriteString(c.stdout, text)
			return errors.Join(err, failed)
		},
	}
	cmd.Flags().StringVar(&admin, "admin", "127.0.0.1:4574", "`address` of the admin listener")
	return cmd
}

// askReady returns what a running hydrant says of itself. Its error has the
// exit code for an answer that is no, or for none.
func askReady(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz?verbose", nil)
	if err != nil {
		return "", &exitError{exitUsage, fmt.Errorf("%q is not an address; write one like 127.0.0.1:4574", address)}
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", &exitError{exitUnreachable, fmt.Errorf("nobody answers: %w; is hydrant running, and is server.admin.listen %s?", err, address)}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return "", &exitError{exitUnreachable, fmt.Errorf("read answer: %w", err)}
	}
	answer := strings.TrimRight(string(text), "\n") + "\n"
	if resp.StatusCode != http.StatusOK {
		return answer, &exitError{exitProblems, errors.New("it is not ready")}
	}
	return answer, nil
}
