package subscriptions_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fault is one line of ours made wrong.
type fault struct {
	name, file string
	right      string // stands exactly once in the file, so that this test notices when code moves
	wrong      string
}

var faults = []fault{
	{
		"what others read is told to a reader who is out of step, with their prev", "subscriptions/cache.go",
		"l.from == from && l.enc == enc", "l.from.place == from.place && l.from.need == from.need && l.enc == enc",
	},
	{
		"a fold reaches across a status", "subscriptions/read.go",
		"\t\tnoted = true\n", "\t\tnoted = noted || e.note.kind != noteStatus\n",
	},
	{
		"the count of a gap is off by one", "subscriptions/read.go",
		"n = int64(count - p.count)", "n = int64(count - p.count + 1)",
	},
	{
		"the lost records are counted one too many", "subscriptions/loss.go",
		"records: to - from}", "records: to - from + 1}",
	},
	{
		"a resume takes no notice of the epoch", "subscriptions/read.go",
		"if since.Epoch != r.epoch {", "if false {",
	},
	{
		"a reader ahead of the node is told again what he has read", "subscriptions/read.go",
		"case e.seq > p.seq, ", "case true, ",
	},
	{
		"seq is counted", "subscriptions/log.go",
		"seq: uint64(offset) + 1", "seq: l.seq.Load() + 1",
	},
	{
		"a view runs behind its base", "subscriptions/room.go",
		"v.effect(v.state.(snapshot.View).Refresh(r.state, eff))", "if at.seq%2 == 0 {\n\t\t\tv.effect(v.state.(snapshot.View).Refresh(r.state, eff))\n\t\t}",
	},
	{
		"a view made late has the clock's news at the seq of its base", "subscriptions/home.go",
		"max(base.seq, base.tick)", "base.seq",
	},
	{
		"events from another partition are applied", "subscriptions/home.go",
		"\t\tif at.ts > r.began+strayLimit", "\t\tif r.home != nil {\n\t\t\treturn r\n\t\t}\n\t\tif at.ts > r.began+strayLimit",
	},
	{
		"rooms stay behind when their log is made anew", "subscriptions/loss.go",
		"\t\tr.moveTo(l, l.from, l.origin())\n", "",
	},
	{
		"the trailing tick is lost", "subscriptions/desk.go",
		"c.class.due = append(c.class.due, c)", "c.queued = false",
	},
	{
		"a blocked reader loses what he was not told", "subscriptions/subscriber.go",
		"st.pos = from", "st.pos = st.cohort.pos",
	},
	{
		"whoever is blocked when his room last changes is forgotten", "subscriptions/desk.go",
		"s.sub.lag(s)", "_ = s",
	},
	{
		"a standing order takes over what was joined by name", "subscriptions/order.go",
		"case old != nil && old.by != o:", "case false:",
	},
	{
		"a snapshot does not replace a good book", "snapshot/book.go",
		"\tb.swap(p)\n", "\tif good {\n\t\treturn None\n\t}\n\tb.swap(p)\n",
	},
	{
		"a book's first snapshot is told as changes", "snapshot/book.go",
		"good := b.Good() && !first", "good := b.Good()",
	},
	{
		"a book is good after a loss", "snapshot/book.go",
		"\t\tb.doubt = true\n", "",
	},
	{
		"a price spelled otherwise is another level", "snapshot/side.go",
		"i, found := s.find(l.Price)\n", "i, found := s.find(l.Price)\n\tfound = found && s.levels[i].Price == l.Price\n",
	},
	{
		"final candles are folded away", "snapshot/bars.go",
		"if i, ok := b.find(start); ok {", "if i, ok := b.find(start); ok && !b.list[i].final {",
	},
	{
		"a node goes on with candles that it does not cover", "snapshot/bars.go",
		"return mark, reach <= b.dropped ||", "return mark, true || reach <= b.dropped ||",
	},
	{
		"MessagePack says 1 where a level left", "wire/msgpack.go",
		"dst = append(dst, packText|1, '0')", "dst = append(dst, packText|1, '1')",
	},
}

// Each of these faults makes a property test fail: what they say of the code without them is worth something.
func TestConvergeHasTeeth(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tests anew for each fault")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("go", "test", "-overlay", f.plant(t, root), "-vet=off", "-count=1", "-run", "^(TestConverge|TestNodesAgree)$", "./subscriptions")
			cmd.Dir = root
			out, err := cmd.CombinedOutput()
			switch {
			case err == nil:
				t.Error("no test failed")
			case !strings.Contains(string(out), "--- FAIL: Test"):
				t.Errorf("it failed otherwise: %v\n%s", err, out)
			}
		})
	}
}

// plant writes a copy of the file with the fault, and what makes the compiler take it instead.
func (f fault) plant(t *testing.T, root string) (overlay string) {
	file := filepath.Join(root, filepath.FromSlash(f.file))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), f.right); n != 1 {
		t.Fatalf("%q stands %d times in %s", f.right, n, f.file)
	}
	dir := t.TempDir()
	bad := filepath.Join(dir, "planted.go")
	if err := os.WriteFile(bad, []byte(strings.Replace(string(text), f.right, f.wrong, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{file: bad}})
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, replace, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}
