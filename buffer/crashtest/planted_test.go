//go:build !faults

package crashtest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var bugsFlag = flag.Bool("bugs", false, "try all planted bugs, which takes minutes")

// TestPlantedBugsAreCaught builds these tests with mistakes planted in the log
// and wants them to fail: a suite that is green proves nothing until it has
// been red. Without -bugs it tries two of them.
func TestPlantedBugsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the tests again")
	}
	dir := t.TempDir()
	build := func(pkg string) string {
		program := filepath.Join(dir, filepath.Base(pkg))
		out, err := exec.Command("go", "test", "-c", "-tags", "faults", "-o", program, pkg).CombinedOutput()
		if err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
		return program
	}
	const here, format = "github.com/hydrant-dev/hydrant/buffer/crashtest", "github.com/hydrant-dev/hydrant/buffer/segment"
	const sickTests = "SickDisk/failed_sync_of_a_segment" // -short takes too few images
	programs := map[string]string{here: build(here), format: build(format)}
	run := func(pkg, tests, bug string) ([]byte, error) {
		cmd := exec.Command(programs[pkg], "-test.timeout", "5m", "-test.run", tests)
		if pkg == here {
			cmd.Args = append(cmd.Args, "-images", "10000", fmt.Sprint("-test.short=", tests != sickTests))
		} else {
			cmd.Dir = "../segment" // for its golden files
		}
		cmd.Env = append(os.Environ(), "HYDRANT_BUG="+bug)
		return cmd.CombinedOutput()
	}
	type suite struct{ pkg, tests string }
	power, follow, sick, damage, bytes := suite{here, "PowerLoss"}, suite{here, "PowerLossWithFollowers"}, suite{here, sickTests}, suite{here, "FlippedBit"}, suite{format, "."}
	for _, s := range []suite{power, follow, sick, damage, bytes} {
		if out, err := run(s.pkg, s.tests, ""); err != nil {
			t.Fatalf("%s fails without a planted bug: %v\n%s", s.tests, err, out)
		}
	}
	for i, c := range []struct {
		bug string
		by  suite
	}{
		{"ack-before-sync", power},
		{"watermark-frozen", damage},
		{"append-to-recovered", power},
		{"no-dir-sync", power},
		{"no-recovery-sync", power},
		{"delete-before-checkpoint", power},
		{"follower-forgotten", follow},
		{"follow-not-durable", follow},
		{"retry-sync-after-error", sick},
		{"no-crc-seed", bytes},
	} {
		t.Run(c.bug, func(t *testing.T) {
			if i > 1 && !*bugsFlag {
				t.Skip("only with -bugs")
			}
			if out, err := run(c.by.pkg, c.by.tests, c.bug); err == nil {
				t.Errorf("%s passes although %q is planted\n%s", c.by.tests, c.bug, out)
			}
		})
	}
}
