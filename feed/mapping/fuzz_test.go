package mapping_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"tapedeck/feed"
	"tapedeck/feed/feedtest"
	"tapedeck/feed/mapping"
	"tapedeck/market"
)

// FuzzJSON and FuzzCSV look for records that a mapping's decoder does not survive.
func FuzzJSON(f *testing.F) { feedtest.Fuzz(f, example(f, "desk-books"), "testdata/desk-books") }

func FuzzCSV(f *testing.F) { feedtest.Fuzz(f, example(f, "tape-csv"), "testdata/tape-csv") }

// FuzzMapping changes the text of mappings and a record: a text is refused with a place, or makes decoders that survive.
func FuzzMapping(f *testing.F) {
	text, err := os.ReadFile("testdata/mappings.yaml")
	if err != nil {
		f.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "mappings:\n")
	for _, one := range strings.Split(body, "\n\n") {
		for _, record := range []string{`{"type":"trade","instr":"BTC_USDT","ts":1700000000123,"px":"1","qty":"2"}`, "a\tb\n1\t2\n", `1,"a ""b""",`} {
			f.Add("mappings:\n"+one, []byte(record))
		}
	}
	f.Add(right, []byte(`{"type":"trade"}`))
	f.Fuzz(func(t *testing.T, text string, record []byte) {
		defer func() {
			if p := recover(); p != nil {
				t.Fatalf("%v", p)
			}
		}()
		formats, err := compile(text)
		var mistake *mapping.Error
		if errors.As(err, &mistake) && (mistake.Line == 0 || mistake.Text == "") {
			t.Fatalf("a mistake without a place: %v", err)
		}
		for _, format := range formats {
			d := format.New(feed.DefaultOptions())
			for range 2 {
				var b market.Batch
				r := &feed.Record{Key: []byte("K"), Value: record}
				err := d.Decode(&b, r)
				var why feed.Reason
				if err != nil && (!errors.As(err, &why) || len(b.Events) > 0) || err == nil && len(b.Events) == 0 {
					t.Fatalf("%q becomes %d events and %v", record, len(b.Events), err)
				}
			}
		}
	})
}
