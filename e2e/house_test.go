package e2e

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hydrant-dev/hydrant/configs"
)

const module = "github.com/hydrant-dev/hydrant"

// layers, lowest first. A package imports packages of lower layers and of its
// own. A pattern ends in /... for a folder and all below it; the first layer
// that matches counts.
var layers = [][]string{
	{"buffer/vfs/...", "buffer/fault", "buffer/segment", "configs/field", "internal/version"},
	{"buffer"},
	{"source", "transform", "convert", "convert/column", "sinks"},
	{"source/...", "transform/...", "convert/...", "sinks/..."},
	{"stream"},
	{"configs"},
	{"internal/..."},
	{"cmd/..."},
	{"e2e/...", "buffer/crashtest"},
}

// onlyForTests may be imported by tests and by each other.
var onlyForTests = []string{
	"buffer/vfs/crashfs", "buffer/vfs/vfstest", "buffer/crashtest",
	"source/sourcetest", "transform/transformtest", "convert/converttest", "convert/column/columntest", "sinks/sinktest",
	"e2e/...",
}

// filesAllowed are the packages that may create, rename or remove files by
// package os. The data directory is touched through buffer/vfs only: that is
// what the power-loss tests stand on.
var filesAllowed = map[string]string{
	"buffer/vfs":       "is the way to the data directory",
	"buffer/fault":     "notes the points that were passed; not in an ordinary build",
	"sinks/file":       "writes to a bucket that is a folder",
	"source/firehose":  "makes a certificate when none is configured",
	"internal/convert": "writes the file that hydrant convert was asked for",
	"internal/dev":     "makes the folders of dev",
	"cmd/hydrant":      "removes the folder of dev --ephemeral",
	"internal/server":  "makes the data directory when it is missing",
}

// blankAllowed may be imported for their effect alone.
var blankAllowed = []string{"embed", "time/tzdata"}

// banned imports, and why.
var banned = map[string]string{
	"net/http/pprof": "it opens a door on the default mux for everyone",
	"expvar":         "it opens a door on the default mux for everyone",
	"io/ioutil":      "it is deprecated",
	"log":            "lines are structured: log/slog",
	"unsafe":         "no profile has asked for it yet",
}

// bannedExcept lists the exceptions to banned.
var bannedExcept = map[string][]string{
	"log": {"source/firehose", "internal/admin"}, // http.Server wants a *log.Logger
}

// A listing is a package as go list tells it.
type listing struct {
	ImportPath, Dir, Doc, Name         string
	GoFiles, TestGoFiles, XTestGoFiles []string
	Imports                            []string
}

func (p *listing) short() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// packages lists the module.
func packages(t *testing.T) []*listing {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,Name,GoFiles,TestGoFiles,XTestGoFiles,Imports", "./...")
	cmd.Dir = root(t)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list packages: %v", err)
	}
	var all []*listing
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		p := new(listing)
		if err := d.Decode(p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatalf("list packages: %v", err)
		}
		all = append(all, p)
	}
}

// root is the folder of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func matches(pattern, pkg string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == dir || strings.HasPrefix(pkg, dir+"/")
	}
	return pattern == pkg
}

func anyMatches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

func layer(pkg string) int {
	return slices.IndexFunc(layers, func(patterns []string) bool { return anyMatches(patterns, pkg) })
}

func TestImportsGoDownwards(t *testing.T) {
	for _, p := range packages(t) {
		pkg := p.short()
		own := layer(pkg)
		if own < 0 {
			t.Errorf("package %s is in no layer: give it a place in the table", pkg)
			continue
		}
		for _, imported := range p.Imports {
			if imported != module && !strings.HasPrefix(imported, module+"/") {
				continue
			}
			to := strings.TrimPrefix(imported, module+"/")
			if layer(to) > own {
				t.Errorf("%s imports %s, which is above it", pkg, to)
			}
			if anyMatches(onlyForTests, to) && !anyMatches(onlyForTests, pkg) {
				t.Errorf("%s imports %s, which is for tests only", pkg, to)
			}
		}
	}
}

func TestNoPackageHasANameThatSaysNothing(t *testing.T) {
	for _, p := range packages(t) {
		for part := range strings.SplitSeq(p.short(), "/") {
			if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "types", "misc", "base", "shared", "manager"}, part) {
				t.Errorf("%s: call it by what it is", p.short())
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && !strings.HasPrefix(p.Doc, "Package "+p.Name+" ") && p.Name != "main" || p.Name == "main" && p.Doc == "" {
			t.Errorf("%s has no package comment", p.short())
		}
	}
}

// sources calls f for each file of the product that is not a test.
func sources(t *testing.T, f func(pkg, name string, set *token.FileSet, file *ast.File)) {
	t.Helper()
	set := token.NewFileSet()
	for _, p := range packages(t) {
		if anyMatches(onlyForTests, p.short()) {
			continue
		}
		names, err := filepath.Glob(filepath.Join(p.Dir, "*.go")) // files for other systems too
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			f(p.short(), path.Join(p.short(), filepath.Base(name)), set, file)
		}
	}
}

func TestNothingHappensBehindTheReader(t *testing.T) {
	sources(t, func(pkg, name string, set *token.FileSet, file *ast.File) {
		for _, imp := range file.Imports {
			what, _ := strconv.Unquote(imp.Path.Value)
			if imp.Name != nil && imp.Name.Name == "_" && !slices.Contains(blankAllowed, what) {
				t.Errorf("%s: blank import of %s", name, what)
			}
			if why, ok := banned[what]; ok && !slices.Contains(bannedExcept[what], pkg) {
				t.Errorf("%s: import of %s: %s", name, what, why)
			}
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init: say it where the program starts", name)
			}
		}
	})
}

func TestFilesAreTouchedInFewPlaces(t *testing.T) {
	calls := []string{"Create", "CreateTemp", "OpenFile", "Rename", "Remove", "RemoveAll", "WriteFile", "Truncate", "Link", "Symlink", "Mkdir", "MkdirAll"}
	used, usesRoot := map[string]bool{}, map[string]bool{}
	sources(t, func(pkg, name string, set *token.FileSet, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			inOS := ok && x.Name == "os"
			if sel.Sel.Name == "OpenRoot" || inOS && sel.Sel.Name == "Root" {
				usesRoot[pkg] = true
				if filesAllowed[pkg] == "" {
					t.Errorf("%s: os.%s: the data directory belongs to buffer/vfs", set.Position(n.Pos()), sel.Sel.Name)
				}
			}
			if inOS && slices.Contains(calls, sel.Sel.Name) {
				used[pkg] = true
				if filesAllowed[pkg] == "" {
					t.Errorf("%s: os.%s: the data directory belongs to buffer/vfs", set.Position(n.Pos()), sel.Sel.Name)
				}
			}
			return true
		})
	})
	for pkg := range filesAllowed {
		if !used[pkg] && !usesRoot[pkg] {
			t.Errorf("%s touches no files any more: take it from the list", pkg)
		}
	}
}

// A YAML node that decodes itself does so without the strictness that the
// loader asks for: unknown fields would pass in silence.
func TestConfigurationIsDecodedStrictly(t *testing.T) {
	sources(t, func(pkg, name string, set *token.FileSet, file *ast.File) {
		if strings.HasPrefix(pkg, "configs") {
			ast.Inspect(file, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Decode" {
					t.Errorf("%s: Decode: use Load with yaml.WithKnownFields", set.Position(n.Pos()))
				}
				return true
			})
		}
		for _, imp := range file.Imports {
			if strings.Contains(imp.Path.Value, "/yaml/") && !strings.HasPrefix(pkg, "configs") {
				t.Errorf("%s: only configs reads YAML", name)
			}
		}
	})
}

// TestComponentsAreComplete walks the tables of components: each has its
// conformance run, an example that a user can start from, and documentation.
func TestComponentsAreComplete(t *testing.T) {
	examples := textOf(t, "configs/*.yaml")
	docs := textOf(t, "docs/*.md") + textOf(t, "docs/*/*.md")
	for name := range maps.Keys(configs.Sinks) {
		pkg := "sinks/" + strings.ReplaceAll(name, "_", "") // Go's package names have no underscores
		if tests := textOf(t, pkg+"/*_test.go"); !strings.Contains(tests, "sinktest.Run(") {
			t.Errorf("%s does not run the conformance suite, sinktest.Run", pkg)
		}
		if !regexp.MustCompile(`destination:\s*\n?\s*\{?` + name + `:`).MatchString(examples) {
			t.Errorf("no file in configs/ shows the destination %s", name)
		}
		if !strings.Contains(docs, "destination."+name) {
			t.Errorf("docs/ do not document destination.%s", name)
		}
	}
	for name := range maps.Keys(configs.Formats) {
		if !strings.Contains(textOf(t, "convert/"+name+"/*_test.go"), "func Test") {
			t.Errorf("convert/%s has no tests", name)
		}
		if !strings.Contains(docs, "output_format."+name) {
			t.Errorf("docs/ do not document output_format.%s", name)
		}
	}
	for name := range maps.Keys(configs.Sources) {
		if !strings.Contains(examples, name+":") {
			t.Errorf("no file in configs/ shows the source %s", name)
		}
		if !strings.Contains(docs, name) {
			t.Errorf("docs/ do not document the source %s", name)
		}
	}
}

func textOf(t *testing.T, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root(t), filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// Every configuration that people are shown works as it is.
func TestShownConfigurationsLoad(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(root(t), "configs", "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	composed := filepath.Join(root(t), "deploy", "compose", "hydrant.yaml")
	for _, name := range append(names, composed) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			// Secrets have no default; the rest shall work with its own.
			filled := func(name string) (string, bool) {
				return "hydrantexample", strings.Contains(name, "KEY") || strings.Contains(name, "SECRET") || strings.Contains(name, "TOKEN")
			}
			if _, problems := configs.Load([]string{name}, filled); problems.Failed() {
				t.Error(problems)
			}
		})
	}
}

// noise is what must not be in a file of this repository: paths of one
// machine, and numbers of a tracker that a reader cannot look up.
var noise = []*regexp.Regexp{
	regexp.MustCompile(`(^|[\s"'(=` + "`" + `])/(wor[k]|hom[e]/[a-z]+)/`),
	regexp.MustCompile(`(?i)\b(issue|ticket) #?[0-9]+\b`),
}

func TestTheTreeIsCleanOfNoise(t *testing.T) {
	text := []string{".go", ".md", ".yaml", ".yml", ".service", ".txt", ".sh", ""}
	err := filepath.WalkDir(root(t), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" || d.Name() == ".tools" || d.Name() == ".hydrant" {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains(text, filepath.Ext(name)) || !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		number := 0
		for line := range strings.Lines(string(content)) {
			number++
			for _, bad := range noise {
				if found := bad.FindString(line); found != "" {
					rel, _ := filepath.Rel(root(t), name)
					t.Errorf("%s:%d: %q", rel, number, fmt.Sprint(found))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
