package gaps

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"tapedeck/feed"
)

var update = flag.Bool("update", false, "write the golden files anew")

var found = []report{
	{Topic: "md.raw.binance", Format: "binance", First: 0, Next: 1_204_343, Missing: 12, Known: 10, Count: 3, Gaps: []gap{
		{From: 100, To: 110, Reason: feed.LossRetention, After: 1769817600123456}, {From: 110, To: 111, After: 1769817600123456},
	}},
	{Topic: "md.raw.binance", Partition: 1, TopicID: "x7", Format: "binance", First: 7, Next: 90, Gaps: []gap{}},
	{Topic: "md.raw.okx", Format: "okx", First: 5, Next: 9, Missing: 1, Count: 1, Gaps: []gap{{From: 6, To: 7}}},
}

func TestOutput(t *testing.T) {
	for name, write := range map[string]func(*bytes.Buffer) error{
		"table.golden": func(b *bytes.Buffer) error { return table(b, found) },
		"lines.golden": func(b *bytes.Buffer) error { return lines(b, found) },
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s: it is\n%s\nwant\n%s", name, &got, want)
		}
	}
}
