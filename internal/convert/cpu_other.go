//go:build !unix

package convert

import "time"

// CPU returns 0: it is not known here.
func CPU() time.Duration { return 0 }
