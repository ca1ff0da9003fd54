package compose

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hydrant-dev/hydrant/e2e/hydrant"
	"github.com/hydrant-dev/hydrant/e2e/servers"
)

// engine is a container engine that runs for one test.
type engine struct {
	env     []string
	project string
}

// startEngine starts dockerd in a temporary folder. Another engine of this
// machine would not like the company, and ours needs root.
func startEngine(t *testing.T) *engine {
	t.Helper()
	const not = "SKIPPED, NOT TESTED: docker-compose.yml and Dockerfile: "
	if os.Getuid() != 0 {
		t.Skip(not + "a container engine needs root")
	}
	if _, err := os.Stat("/var/run/docker.sock"); err == nil {
		t.Skip(not + "an engine runs here already and is left alone")
	}
	install(t)
	for _, program := range []string{"dockerd", "docker", "docker-compose"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf(not+"%v; on Debian: apt-get install docker.io docker-compose", err)
		}
	}
	dir, err := os.MkdirTemp("", "hydrant-engine-")
	if err != nil {
		t.Fatal(err)
	}
	socket := "unix://" + filepath.Join(dir, "socket")
	var log bytes.Buffer
	d := exec.Command("dockerd", "-H", socket, "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "-p", filepath.Join(dir, "pid"))
	d.Stdout, d.Stderr = &log, &log
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { defer close(exited); d.Wait() }()
	t.Cleanup(func() {
		d.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(30 * time.Second):
			d.Process.Kill()
			<-exited
		}
		os.RemoveAll(dir)
	})
	e := &engine{
		env:     append(os.Environ(), "DOCKER_HOST="+socket, "DOCKER_BUILDKIT=0", "COMPOSE_DOCKER_CLI_BUILD=0", "DOCKER_CONFIG="+dir),
		project: filepath.Base(dir),
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		cmd := exec.Command("docker", "info")
		cmd.Env = e.env
		if cmd.Run() == nil {
			return e
		}
		select {
		case <-exited:
			t.Skipf(not+"no engine can run here:\n%s", log.String())
		default:
		}
		if time.Now().After(end) {
			t.Skip(not + "the engine does not answer")
		}
	}
}

// install fetches the engine on a machine that is there for tests only.
func install(t *testing.T) {
	t.Helper()
	if os.Getenv("CI") == "" {
		return
	}
	if _, err := exec.LookPath("docker-compose"); err == nil {
		if _, err := exec.LookPath("dockerd"); err == nil {
			return
		}
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return
	}
	for _, args := range [][]string{
		{"update", "-qq"},
		{"install", "-y", "-qq", "--no-install-recommends", "docker.io", "docker-compose", "iptables"},
	} {
		cmd := exec.Command("apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Logf("apt-get %v: %v\n%s", args, err, out)
			return
		}
	}
}

func (e *engine) run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	cmd.Env = e.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s\n%s", cmd.Args, err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// makeImages makes the images that docker-compose.yml and Dockerfile name, so
// that nothing is pulled.
func makeImages(t *testing.T, e *engine) {
	t.Helper()
	e.makeMinIO(t, named(t, "docker-compose.yml", "image: quay.io/minio/"))
	e.makeGo(t, named(t, "Dockerfile", "FROM golang:"))
}

// named returns the image in the first line of a file that has the words.
func named(t *testing.T, file, words string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(hydrant.Root(), file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, words) {
			return strings.Fields(line)[1]
		}
	}
	t.Fatalf("%s names no image with %q", file, words)
	return ""
}

func (e *engine) makeMinIO(t *testing.T, name string) {
	t.Helper()
	dir := t.TempDir()
	binary, err := os.ReadFile(servers.MinIOBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "minio"), binary, 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "mc"), "./e2e/compose/testdata/mc")
	build.Dir = hydrant.Root()
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build mc: %v\n%s", err, out)
	}
	recipe := "FROM scratch\nCOPY minio mc /usr/bin/\nENV PATH=/usr/bin\nENTRYPOINT [\"/usr/bin/minio\"]\n"
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(recipe), 0o644); err != nil {
		t.Fatal(err)
	}
	e.docker(t, "build", "-q", "-t", name, dir)
}

// makeGo makes an image with this machine's Go, and the modules that it would
// download.
func (e *engine) makeGo(t *testing.T, name string) {
	t.Helper()
	goroot := goEnv(t, "GOROOT")
	dir := t.TempDir()
	copyModules(t, filepath.Join(dir, "proxy"))
	for _, empty := range []string{"tmp", "root"} {
		if err := os.Mkdir(filepath.Join(dir, empty), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	files := exec.Command("tar", "-c", "-f", "-",
		"--transform", "s,^"+strings.TrimPrefix(goroot, "/")+",usr/local/go,",
		"-C", dir, "proxy", "tmp", "root",
		"-C", "/", strings.TrimPrefix(goroot, "/"), "etc/ssl/certs/ca-certificates.crt")
	var complaints bytes.Buffer
	files.Stderr = &complaints
	pipe, err := files.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := files.Start(); err != nil {
		t.Fatal(err)
	}
	load := exec.Command("docker", "import",
		"--change", "ENV PATH=/usr/local/go/bin", "--change", "ENV GOPROXY=file:///proxy", "--change", "ENV GOSUMDB=off",
		"--change", "ENV GOPATH=/root/go", "--change", "ENV GOCACHE=/root/cache", "--change", "ENV GOTOOLCHAIN=local", "-", name)
	load.Stdin = pipe
	e.run(t, load)
	if err := files.Wait(); err != nil {
		t.Fatalf("tar: %v\n%s", err, complaints.String())
	}
}

// copyModules copies the module's dependencies in the form of a module proxy:
// their content, and the go.mod of everything that decides on versions.
func copyModules(t *testing.T, to string) {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json")
	cmd.Dir = hydrant.Root()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("download modules: %v", err)
	}
	wanted := map[string]bool{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Zip string }
		if err := d.Decode(&m); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		wanted[m.Zip] = true
	}
	cache := filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download")
	err = filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if ext := filepath.Ext(path); ext != ".mod" && ext != ".info" && !wanted[path] {
			return nil
		}
		rel, err := filepath.Rel(cache, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), content, 0o644)
	})
	if err != nil {
		t.Fatalf("copy modules: %v", err)
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
