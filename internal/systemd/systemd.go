// Package systemd tells the service manager how the process is doing, in the
// protocol of sd_notify(3). Outside of systemd everything here does nothing.
package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// The states a service reports.
const (
	Ready     = "READY=1"
	Stopping  = "STOPPING=1"
	watchdog  = "WATCHDOG=1"
	reloading = "RELOADING=1"
)

// Reloading is the state while the configuration is read again; Ready ends it.
func Reloading() string {
	return fmt.Sprintf("%s\nMONOTONIC_USEC=%d", reloading, monotonicMicros())
}

// Notify sends a state to the socket in NOTIFY_SOCKET, if there is one.
func Notify(state string) error {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	if name[0] == '@' { // the abstract namespace
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify service manager: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("notify service manager: %w", err)
	}
	return nil
}

// Watchdog sends a sign of life at half the interval the service manager asks
// for, as long as alive says yes, until ctx is done. It returns at once if no
// watchdog is asked for.
func Watchdog(ctx context.Context, alive func() bool) error {
	interval := watchdogInterval(os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID"), os.Getpid())
	if interval == 0 {
		return nil
	}
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	for {
		if alive() {
			if err := Notify(watchdog); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func watchdogInterval(micros, owner string, pid int) time.Duration {
	n, err := strconv.ParseInt(micros, 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	if owner != "" && owner != strconv.Itoa(pid) {
		return 0 // meant for another process
	}
	return time.Duration(n) * time.Microsecond
}
