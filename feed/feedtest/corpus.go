package feedtest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// keep has what fuzzing found worth keeping packed beside the tests: go test ./feed/venue/okx -run FuzzOKX -keep.
var keep = flag.Bool("keep", false, "pack the corpus that fuzzing left in Go's cache into testdata")

// seed is one input of Fuzz.
type seed struct {
	Value, Key []byte
	Trades     string
	Before     []byte
}

// corpus adds the inputs that earlier fuzzing kept since each reached something new: some 250 a target in one
// file, where Go would have as many files.
func corpus(f *testing.F) {
	file := filepath.Join("testdata", f.Name()+".corpus.gz")
	if *keep {
		pack(f, file)
	}
	seeds, err := unpack(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.Fatal(err)
	}
	for _, s := range seeds {
		f.Add(s.Value, s.Key, s.Trades, s.Before)
	}
}

func unpack(file string) (seeds []seed, err error) {
	packed, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	d := json.NewDecoder(z)
	for {
		var s seed
		if err := d.Decode(&s); errors.Is(err, io.EOF) {
			return seeds, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		seeds = append(seeds, s)
	}
}

// pack writes what is in Go's cache of a target into file.
func pack(f *testing.F, file string) {
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		f.Fatal(err)
	}
	name, err := exec.Command("go", "list", ".").Output()
	if err != nil {
		f.Fatal(err)
	}
	found, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(cache)), "fuzz", strings.TrimSpace(string(name)), f.Name(), "*"))
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		s, err := parseSeed(string(text))
		if err != nil {
			f.Logf("%s is left out: %v", path, err) // of an earlier form of the target
			continue
		}
		line, _ := json.Marshal(s)
		_, _ = z.Write(append(line, '\n'))
	}
	if err := z.Close(); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		f.Fatal(err)
	}
}

// parseSeed reads a file of Go's cache: a line of version, then one for each argument.
func parseSeed(text string) (s seed, err error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 5 || lines[0] != "go test fuzz v1" {
		return s, errors.New("it does not have four arguments")
	}
	var args [4]string
	for i, form := range []string{"[]byte(", "[]byte(", "string(", "[]byte("} {
		quoted, ok := strings.CutPrefix(lines[i+1], form)
		if !ok {
			return s, fmt.Errorf("argument %d is no %s)", i+1, form)
		}
		if args[i], err = strconv.Unquote(strings.TrimSuffix(quoted, ")")); err != nil {
			return s, err
		}
	}
	return seed{[]byte(args[0]), []byte(args[1]), args[2], []byte(args[3])}, nil
}
