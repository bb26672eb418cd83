package capture

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// next is a Reader or a Merged.
type next interface{ Next() (Message, error) }

// drain reads everything: each message and each bad line as one string, and the error that ended it.
func drain(r next) (got []string, end error) {
	for {
		m, err := r.Next()
		switch {
		case IsBadLine(err):
			got = append(got, err.Error())
		case err != nil:
			return got, err
		case m.URL != "":
			got = append(got, fmt.Sprintf("%d %d %s %s", m.Line, m.Time, m.URL, m.Data))
		default:
			got = append(got, fmt.Sprintf("%d %d %s", m.Line, m.Time, m.Data))
		}
	}
}

func pack(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, dir, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const text = `1680652800004107 {"in":"µs"}
1723161256172216566 {"in":"ns"}

1723161256172216567 https://host/depth?symbol=A {"bids":[]}
1723161256172216568 http://host/b [1, 2]
1723161256172216569 pong pong
1723161256172216570 ["no end"]`

var want = []string{
	`1 1680652800004107 {"in":"µs"}`,
	`2 1723161256172216 {"in":"ns"}`,
	`4 1723161256172216 https://host/depth?symbol=A {"bids":[]}`,
	`5 1723161256172216 http://host/b [1, 2]`,
	`6 1723161256172216 pong pong`,
	`7 1723161256172216 ["no end"]`,
}

func TestPlainAndGzip(t *testing.T) {
	dir := t.TempDir()
	half := strings.Index(text, "\n") + 1
	for name, content := range map[string][]byte{
		"plain.raw":     []byte(text),
		"packed.raw.gz": pack(t, text),
		"named-wrongly": pack(t, text), // the content decides
		"plain.raw.gz":  []byte(text),
		"members.gz":    append(pack(t, text[:half]), pack(t, text[half:])...), // as cat makes it
	} {
		r, err := Open(write(t, dir, name, content))
		if err != nil {
			t.Fatal(err)
		}
		got, end := drain(r)
		if !slices.Equal(got, want) || !errors.Is(end, io.EOF) {
			t.Errorf("%s: read %q and %v, want %q", name, got, end, want)
		}
		if read, size := r.Progress(); read != size || size != int64(len(content)) {
			t.Errorf("%s: at the end %d of %d bytes are read, want all %d", name, read, size, len(content))
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: after the end: %v", name, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestBadLinesAreSaidAndSkipped(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	lines := []string{
		`1723161256172216566 1`,
		`no time at all`,
		`1723161256172216566`,
		`1723161256172216566 `,
		`1723161256 {}`,
		`172316125617221656x {}`,
		`9999999999999999999 {}`,
		`1723161256172216566 https://host/depth`,
		`1723161256172216566 https://host/depth `,
		`1723161256172216566 ` + long,
		`1723161256172216566 ` + long[:MaxLine-21], // with its end as long as allowed
		`1723161256172216566 last`,
	}
	bad := []string{
		"c:2: want a receive time of 16 digits", "c:3: there is no message behind", "c:4: the message is empty",
		"c:5: want a receive time", "c:6: want a receive time", "c:7: want a receive time",
		"c:8: there is no body behind \"https://host/depth\"", "c:9: the message is empty", "c:10: the line has 8388629 bytes, more than 8388608",
	}
	got, end := drain(newReader("c", strings.NewReader(strings.Join(lines, "\n")+"\n")))
	if len(got) != len(lines) || !errors.Is(end, io.EOF) {
		t.Fatalf("read %d lines and then %v, want %d", len(got), end, len(lines))
	}
	for i, want := range bad {
		if !strings.HasPrefix(got[i+1], want) {
			t.Errorf("line %d: %.80s, want %s", i+2, got[i+1], want)
		}
	}
	if got[0] != "1 1723161256172216 1" || got[11] != "12 1723161256172216 last" || len(got[10]) < MaxLine-21 {
		t.Errorf("good lines around bad ones: %q, %.40q, %q", got[0], got[10], got[11])
	}
}

// Of a file that was cut short every whole line is read, wherever the cut is.
func TestCutShort(t *testing.T) {
	content := pack(t, text)
	for n := 2; n < len(content); n++ {
		got, end := drain(newReader("cut", bytes.NewReader(content[:n])))
		if !slices.Equal(got, want[:len(got)]) {
			t.Fatalf("cut at %d: read %q", n, got)
		}
		var line int
		_, unlike := fmt.Sscanf(fmt.Sprint(end), "cut:%d: the file was cut short", &line)
		last, following := lineOf(t, want[max(len(got)-1, 0)]), lineOf(t, want[min(len(got), len(want)-1)])
		if !errors.Is(end, io.ErrUnexpectedEOF) || unlike != nil || line < last || line > following {
			t.Fatalf("cut at %d of %d: %v after %d messages", n, len(content), end, len(got))
		}
	}
	// Many blocks, so that a cut leaves whole ones.
	var long strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&long, "%d {\"n\":%d,\"of\":%d}\n", 1723161256172216566+i, i, i*i)
	}
	content = pack(t, long.String())
	got, end := drain(newReader("cut", bytes.NewReader(content[:len(content)/2])))
	if len(got) < 5_000 || !errors.Is(end, io.ErrUnexpectedEOF) {
		t.Errorf("half of a file: %d of 20000 lines, then %v", len(got), end)
	}
	content[len(content)/2] ^= 0xff
	if got, end := drain(newReader("bad", bytes.NewReader(content))); len(got) < 1_000 || errors.Is(end, io.EOF) {
		t.Errorf("a file with a wrong byte: %d lines, then %v", len(got), end)
	}
}

// lineOf is the line of what drain returns.
func lineOf(t *testing.T, message string) int {
	t.Helper()
	digits, _, _ := strings.Cut(message, " ")
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNoCapture(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
	if _, err := OpenMerged(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := newReader("empty", strings.NewReader("")).Next(); !errors.Is(err, io.EOF) {
		t.Errorf("an empty file: %v", err)
	}
}

func TestMerged(t *testing.T) {
	dir := t.TempDir()
	// Within one µs the order is told by ns; of equal times the file named first comes first.
	a := write(t, dir, "a.raw.gz", pack(t, "1700000000000000100 a1\n1700000000000000300 a2\n1700000000000000300 a3\n1700000000000000900 a4\n"))
	rest := write(t, dir, "a.rest.raw.gz", pack(t, "\n1700000000000000200 https://h/ r1\nbad\n1700000000000000300 https://h/ r2\n1700000000000001000 https://h/ r3\n"))
	b := write(t, dir, "b.raw", []byte("1600000000000000 b1\n1700000000000000 b2\n")) // older, but named later

	m, err := OpenMerged(a, b, rest)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	got, end := drain(m)
	want := []string{
		"1 1700000000000000 a1", "2 1700000000000000 https://h/ r1",
		rest + `:3: there is no message behind a receive time: "bad"`,
		"2 1700000000000000 a2", "3 1700000000000000 a3", "4 1700000000000000 https://h/ r2",
		"4 1700000000000000 a4", "5 1700000000000001 https://h/ r3",
		"1 1600000000000000 b1", "2 1700000000000000 b2",
	}
	if !slices.Equal(got, want) || !errors.Is(end, io.EOF) {
		t.Errorf("read %q and %v, want %q", got, end, want)
	}
	if read, size := m.Progress(); read != size || read == 0 {
		t.Errorf("at the end %d of %d bytes are read", read, size)
	}
}

// A file that breaks off does not take the rest of its session with it, but the sessions after it.
func TestMergedBreaksOff(t *testing.T) {
	dir := t.TempDir()
	whole := pack(t, "1700000000000000100 a1\n1700000000000000300 a2\n")
	cut := whole[:len(whole)-9] // all data is there, its end mark is not
	a := write(t, dir, "a.raw.gz", cut)
	rest := write(t, dir, "a.rest.raw", []byte("bad first line\n1700000000000000200 https://h/ r1\n1700000000000000400 https://h/ r2\n"))
	b := write(t, dir, "b.raw", []byte("1700000000000000900 b1\n"))
	m, err := OpenMerged(a, rest, b)
	if err != nil {
		t.Fatal(err)
	}
	got, end := drain(m)
	if len(got) < 3 || got[len(got)-1] != "3 1700000000000000 https://h/ r2" || slices.Contains(got, "1 1700000000000000 b1") {
		t.Errorf("read %q", got)
	}
	if !errors.Is(end, io.ErrUnexpectedEOF) || !strings.HasPrefix(end.Error(), a+":") {
		t.Errorf("ended with %v", end)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.Next(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestRest(t *testing.T) {
	dir := t.TempDir()
	a := write(t, dir, "a.raw.gz", nil)
	rest := write(t, dir, "a.rest.raw.gz", nil)
	if got, ok := Rest(a); got != rest || !ok {
		t.Errorf("beside %s: %s %v", a, got, ok)
	}
	if got, ok := Rest(rest); ok {
		t.Errorf("beside the REST file itself: %s", got)
	}
	if got, ok := Rest(write(t, dir, "b.raw.gz", nil)); ok {
		t.Errorf("beside a session without one: %s", got)
	}
}

// data is the folder of recorded sessions.
func data(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("TAPEDECK_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("there is no recorded data: %v", err)
	}
	return dir
}

// Every recorded session is read without a bad line, and has as many messages as its manifest says.
func TestRecordedSessions(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(data(t), "sessions", "*", "*.raw.gz"))
	if err != nil || len(paths) < 50 {
		t.Fatalf("%d sessions, %v", len(paths), err)
	}
	manifest, err := os.ReadFile(filepath.Join(data(t), "MANIFEST.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Size() > 1<<20 {
			continue // more of the same, and long under the race detector
		}
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		n, rest := 0, 0
		for {
			m, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			n++
			if m.URL != "" {
				rest++
			}
		}
		r.Close()
		if got := manifestCount(t, string(manifest), path); got != n {
			t.Errorf("%s has %d messages, its manifest says %d", path, n, got)
		}
		if isRest := strings.HasSuffix(path, ".rest.raw.gz"); isRest && rest != n || !isRest && rest != 0 {
			t.Errorf("%s: %d of %d messages are REST bodies", path, rest, n)
		}
	}
}

// manifestCount finds a session's number of messages in the manifest's table.
func manifestCount(t *testing.T, manifest, path string) int {
	t.Helper()
	name := filepath.ToSlash(filepath.Join("sessions", filepath.Base(filepath.Dir(path)), filepath.Base(path)))
	for line := range strings.Lines(manifest) {
		if cells := strings.Split(line, "|"); len(cells) > 4 && strings.TrimSpace(cells[1]) == name {
			return lineOf(t, strings.ReplaceAll(strings.TrimSpace(cells[3]), ",", ""))
		}
	}
	t.Fatalf("the manifest does not name %s", name)
	return 0
}

func TestNothingIsAllocatedPerLine(t *testing.T) {
	var plain strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&plain, "%d {\"n\":%d}\n%d https://h/depth [%d]\n", 1723161256172216566+i, i, 1723161256172216566+i, i)
	}
	dir := t.TempDir()
	m, err := OpenMerged(write(t, dir, "a.raw", []byte(plain.String())), write(t, dir, "a.rest.raw.gz", pack(t, plain.String())))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if n := testing.AllocsPerRun(100_000, func() {
		if _, err := m.Next(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per line", n)
	}
}

// FuzzReader holds the reader against one that has all of the file in memory.
func FuzzReader(f *testing.F) {
	f.Add([]byte(text))
	f.Add(pack(f, text))
	f.Add([]byte("1723161256172216566 \n\n \n x"))
	f.Add(append(bytes.Repeat([]byte("1723161256172216566 x"), 4_000), '\n'))
	f.Fuzz(func(t *testing.T, file []byte) {
		r := newReader("f", bytes.NewReader(file))
		var seen []string
		lines := 0
		for {
			m, err := r.Next()
			if err != nil && !IsBadLine(err) {
				break
			}
			if err == nil {
				if len(m.Data) == 0 || m.Line <= lines {
					t.Fatalf("%+v after line %d", m, lines)
				}
				lines = m.Line
				seen = append(seen, string(m.Data))
			}
		}
		if bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
			return
		}
		for line := range strings.SplitSeq(string(file), "\n") {
			digits, rest, _ := strings.Cut(line, " ")
			if _, ok := receiveTime([]byte(digits)); !ok || rest == "" || strings.TrimSpace(line) == "" {
				continue
			}
			if strings.HasPrefix(rest, "http://") || strings.HasPrefix(rest, "https://") {
				if _, rest, _ = strings.Cut(rest, " "); rest == "" {
					continue
				}
			}
			if len(seen) == 0 || seen[0] != rest {
				t.Fatalf("the message %q was not read, but %q", rest, seen[:min(1, len(seen))])
			}
			seen = seen[1:]
		}
		if len(seen) != 0 {
			t.Fatalf("read %q, which is not there", seen)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	path := filepath.Join(data(b), "sessions", "hftbacktest", "spot_btcusdt_20240808.raw.gz")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		r, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := r.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			n++
		}
		r.Close()
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
}
